//! What a plugin prints over the stdio service, and the one warning of one that has none.

use std::sync::{Arc, Mutex};

use rpcplugin_client::StdioStream;
use tokio::io::AsyncReadExt as _;
use tracing::{Event, Level, Subscriber, instrument::WithSubscriber as _};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::fake::{Behaviour, Fake, Started, printed, within};

fn printing() -> Behaviour {
    let prints = vec![
        printed(1, b"out\xff "),
        printed(2, b"err"),
        printed(0, b"of no stream"),
        printed(7, b"of no stream"),
        printed(1, b""),
        printed(1, b"more"),
    ];
    Behaviour { prints: Some(prints), obeys: true, ..Behaviour::default() }
}

#[tokio::test]
async fn readers_and_sinks_get_the_same_bytes() {
    let (out, mut out_read) = tokio::io::duplex(1024);
    let (err, mut err_read) = tokio::io::duplex(1024);
    let Started { plugin, rest: _rest } =
        Fake::new(printing()).await.with(|builder| builder.stdout(out).stderr(err)).start().await;
    let mut readers = [plugin.stdio(), plugin.stdio()];
    for reader in &mut readers {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        while out.len() < 9 || err.len() < 3 {
            let chunk = within(reader.next()).await.unwrap();
            assert_eq!(chunk.lost, 0);
            match chunk.stream {
                StdioStream::Stdout => out.extend_from_slice(&chunk.data),
                _ => err.extend_from_slice(&chunk.data),
            }
        }
        assert_eq!(
            (out.as_slice(), err.as_slice()),
            (b"out\xff more".as_slice(), b"err".as_slice())
        );
    }
    let mut sunk = [0; 9];
    within(out_read.read_exact(&mut sunk)).await.unwrap();
    assert_eq!(&sunk, b"out\xff more");
    within(err_read.read_exact(&mut sunk[..3])).await.unwrap();
    assert_eq!(&sunk[..3], b"err");
    within(plugin.shutdown()).await.unwrap();
    for reader in &mut readers {
        assert_eq!(within(reader.next()).await, None, "it ends with the plugin");
    }
}

#[tokio::test]
async fn a_lost_stream_that_the_plugin_still_holds_is_asked_for_until_it_is_free() {
    let behaviour = Behaviour { reluctant: true, ..printing() };
    let mut streams = behaviour.streams.subscribe();
    let Started { plugin, rest: _rest } = Fake::new(behaviour).await.start().await;
    within(streams.wait_for(|opened| *opened == 1)).await.unwrap();
    plugin.channel().cut("a test");
    within(streams.wait_for(|opened| *opened == 3)).await.unwrap();
    within(plugin.shutdown()).await.unwrap();
}

#[tokio::test]
async fn a_normal_life_is_quiet() {
    let events = Events::default();
    let life = async {
        let Started { plugin, rest: _rest } = Fake::new(printing()).await.start().await;
        within(plugin.ping()).await.unwrap();
        within(plugin.shutdown()).await.unwrap();
    };
    life.with_subscriber(tracing_subscriber::registry().with(events.clone())).await;
    assert_eq!(events.above_debug(), Vec::<String>::new());
    assert!(events.0.lock().unwrap().iter().any(|(_, text)| text.contains("out\\xff more")));
}

#[tokio::test]
async fn a_plugin_without_the_service_costs_one_warning() {
    costs_one_warning(Behaviour { obeys: true, ..Behaviour::default() }).await;
    costs_one_warning(Behaviour { obeys: true, unavailable: true, ..Behaviour::default() }).await;
}

async fn costs_one_warning(behaviour: Behaviour) {
    let events = Events::default();
    let life = async {
        let Started { plugin, rest: _rest } = Fake::new(behaviour).await.start().await;
        within(async {
            while events.above_debug().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        within(plugin.ping()).await.unwrap();
        within(plugin.shutdown()).await.unwrap();
    };
    life.with_subscriber(tracing_subscriber::registry().with(events.clone())).await;
    let warnings = events.above_debug();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("no stdio service"));
}

/// What was logged.
#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<(Level, String)>>>);

impl Events {
    fn above_debug(&self) -> Vec<String> {
        let events = self.0.lock().unwrap();
        events.iter().filter(|(level, _)| *level < Level::DEBUG).map(|(_, t)| t.clone()).collect()
    }
}

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !event.metadata().target().starts_with("rpcplugin") {
            return;
        }
        let mut text = String::new();
        event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
            use std::fmt::Write as _;
            let _ = write!(text, "{field}={value:?} ");
        });
        self.0.lock().unwrap().push((*event.metadata().level(), text));
    }
}

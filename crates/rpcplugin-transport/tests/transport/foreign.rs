//! Connections of other users.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::future::BoxFuture;
use rpcplugin_core::Address;
use rpcplugin_transport::{
    Accepted, BoxIo, Listener, Peer,
    serving::{Answer, Connections, Endings, admit_plaintext},
};
use tokio::{io::AsyncReadExt as _, sync::mpsc};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _};

use crate::support::within;

/// Connections that it is given, all of them another user's.
struct Foreign(mpsc::Receiver<BoxIo>);

impl Listener for Foreign {
    fn address(&self) -> Address {
        Address::Unix("/foreign".into())
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            match self.0.recv().await {
                Some(io) => Ok(Accepted::new(io, Peer::new(None, Some(u32::MAX - 1)))),
                None => std::future::pending().await,
            }
        })
    }
}

#[derive(Clone)]
struct Nothing;

impl Answer for Nothing {
    fn answer(&self, _: http::Request<Body>) -> BoxFuture<'static, http::Response<Body>> {
        Box::pin(async { unreachable!("nobody gets as far") })
    }
}

struct Gate;

impl rpcplugin_transport::serving::Gate for Gate {
    fn admit(&self, io: BoxIo) -> BoxFuture<'_, Result<BoxIo, String>> {
        Box::pin(admit_plaintext(io))
    }
}

struct Warnings(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::WARN {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn a_flood_of_another_users_connections_is_refused_and_makes_few_lines() {
    let warnings = Arc::<AtomicUsize>::default();
    let subscriber = tracing_subscriber::registry().with(Warnings(warnings.clone()));
    let _guard = tracing::subscriber::set_default(subscriber);
    let (sender, receiver) = mpsc::channel(16);
    let stopping = CancellationToken::new();
    let connections = Connections::new(Nothing, Gate, Endings::new(stopping.clone()));
    let accepting = tokio::spawn(connections.accept(Box::new(Foreign(receiver))));
    for _ in 0..200 {
        let (mut ours, theirs) = tokio::io::duplex(64);
        sender.send(Box::new(theirs)).await.unwrap();
        assert_eq!(within(10, ours.read(&mut [0; 1])).await.unwrap(), 0, "it is closed");
    }
    assert_eq!(warnings.load(Ordering::SeqCst), 16 + 3);
    stopping.cancel();
    within(10, accepting).await.unwrap();
}

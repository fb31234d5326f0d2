use std::{
    fmt,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    time::Duration,
};

use tracing::{
    Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, prelude::*};

/// One event of the library, or of a plugin whose log it relays.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its level.
    pub level: Level,
    /// Where it comes from; `rpcplugin::plugin` if it is a plugin's.
    pub target: String,
    /// Its message.
    pub message: String,
    /// Its other fields, as `name=value`.
    pub fields: Vec<String>,
}

/// What the library logs in this process, from any thread, since this was made.
///
/// Made under a [`LeakGuard`](crate::leak::LeakGuard), it holds the events of one test.
#[derive(Debug)]
pub struct Events {
    from: usize,
}

static ALL: Mutex<Vec<Event>> = Mutex::new(Vec::new());

impl Events {
    /// Begins to record.
    #[must_use]
    pub fn record() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing_subscriber::registry().with(Recorder).init());
        Self { from: all().len() }
    }

    /// What was recorded so far.
    #[must_use]
    pub fn so_far(&self) -> Vec<Event> {
        all()[self.from..].to_vec()
    }

    /// Waits until there is such an event.
    ///
    /// # Panics
    ///
    /// If it takes more than ten seconds.
    pub async fn wait_for(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        let found = async {
            loop {
                if let Some(event) = all()[self.from..].iter().find(|event| wanted(event)) {
                    return event.clone();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(10), found).await;
        found.unwrap_or_else(|_| panic!("no such event among {:#?}", self.so_far()))
    }
}

fn all() -> MutexGuard<'static, Vec<Event>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Recorder;

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if !metadata.target().starts_with("rpcplugin") {
            return;
        }
        let mut kept = Event {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut kept);
        all().push(kept);
    }
}

impl Visit for Event {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.fields.push(format!("{name}={value:?}")),
        }
    }
}

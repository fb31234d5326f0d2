//! What the broker logs on this thread.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    subscriber::DefaultGuard,
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _};

/// The codes of all warnings, as long as this lives.
pub struct Codes {
    seen: Arc<Mutex<Vec<String>>>,
    _guard: DefaultGuard,
}

impl Codes {
    pub fn new() -> Self {
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let subscriber = tracing_subscriber::registry().with(Collect(seen.clone()));
        Self { seen, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub fn count(&self, code: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| *seen == code).count()
    }
}

struct Collect(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Collect {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Code(&self.0));
    }
}

struct Code<'a>(&'a Mutex<Vec<String>>);

impl Visit for Code<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "code" {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

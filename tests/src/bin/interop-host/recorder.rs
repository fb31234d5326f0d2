use std::{
    fmt,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Result, bail};
use tokio::time::Instant;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// Keeps the events of this process, and shows them on stderr.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<(Level, String)>>>);

impl Recorder {
    /// Waits until an event of this level holds the text.
    pub(crate) async fn wait_for(&self, level: Level, text: &str) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            let events = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if events.iter().any(|(of, message)| *of == level && message.contains(text)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("no {level} event with {text:?} within 5 s")
    }
}

impl<S: Subscriber> Layer<S> for Recorder {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        // The libraries below log much that is of no use here.
        if level > Level::DEBUG || !event.metadata().target().starts_with("rpcplugin") {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let _shown = writeln!(std::io::stderr(), "{level}{}", text.0);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((level, text.0));
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {}={value:?}", field.name()));
    }
}

//! Real pipes, because what is in them after the end of a process is part of the matter.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use rpcplugin_core::{
    Config,
    config::{LogLevel, Values},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    net::unix::pipe::{Receiver, Sender, pipe},
};
use tokio_util::sync::CancellationToken;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    subscriber::DefaultGuard,
};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::*;
use crate::live::Live;

mod handshake;
mod stderr;
mod stdout;

/// Nothing here takes longer than this, even on a busy machine.
const SOON: Duration = Duration::from_secs(20);

async fn soon<T>(done: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, done).await.expect("it takes no longer")
}

/// Settings that let lines from this level on pass.
fn live(lowest: LogLevel) -> Arc<Live> {
    let values = Values::new().log_level(lowest);
    let config = Config::builder().program(values.clone()).build().unwrap();
    Arc::new(Live::new(config, values))
}

/// The events of a test, as `LEVEL target message field=value …`.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Collects the events of this thread, and of tasks that are started on it.
    fn here() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::registry().with(log.clone());
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if metadata.target() != "rpcplugin::plugin" {
            return;
        }
        let mut shown = Shown::default();
        event.record(&mut shown);
        let Shown { message, fields } = shown;
        assert!(!message.contains("PANIC"), "as a careless subscriber does");
        self.0.lock().unwrap().push(format!("{} {message}{fields}", metadata.level()));
    }
}

#[derive(Default)]
struct Shown {
    message: String,
    fields: String,
}

impl Visit for Shown {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            write!(self.fields, " {}={value:?}", field.name()).unwrap();
        }
    }
}

use std::{sync::Arc, time::Instant};

use rpcplugin_core::{escape, limits};

use super::{Buffer, StdioStream};
use crate::{
    logs,
    output::{Lost, Rate},
};

/// Makes each line of one stream a DEBUG event, unless the application reads for itself. What is
/// too much at once is counted and left out.
pub(crate) async fn log_lines(plugin: String, buffer: Arc<Buffer>, stream: StdioStream) {
    let mut cursor = buffer.cursor();
    let mut log = Log { plugin, stream, rate: Rate::new(Rate::OF_A_LOG) };
    let mut line = Vec::new();
    while let Some(chunk) = buffer.next_of(stream, &mut cursor).await {
        if buffer.is_taken() {
            return;
        }
        log.rate.miss(chunk.lost);
        for piece in chunk.data.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(limits::LOG_LINE) {
                line.extend_from_slice(part);
                if part.ends_with(b"\n") || line.len() >= limits::LOG_LINE {
                    log.line(&line, Instant::now());
                    line.clear();
                }
            }
        }
    }
    if !line.is_empty() {
        log.line(&line, Instant::now());
    }
    log.end();
}

struct Log {
    plugin: String,
    stream: StdioStream,
    rate: Rate,
}

impl Log {
    fn line(&mut self, line: &[u8], now: Instant) {
        let Some(lost) = self.rate.admit(line.len(), now) else { return };
        self.tell(lost);
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let (plugin, stream) = (&self.plugin, self.stream);
        logs::guarded(|| {
            tracing::debug!(target: "rpcplugin::stdio", plugin, ?stream, "{}", escape(text));
        });
    }

    fn end(&mut self) {
        let lost = self.rate.take_lost();
        self.tell(lost);
    }

    fn tell(&self, Lost { pieces, bytes }: Lost) {
        let stream = match self.stream {
            StdioStream::Stdout => "captured stdout",
            StdioStream::Stderr => "captured stderr",
        };
        if pieces > 0 {
            logs::guarded(|| logs::lost(&self.plugin, stream, pieces, bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Mutex, time::Duration};

    use tracing::{Level, Subscriber, field::Visit, instrument::WithSubscriber as _};
    use tracing_subscriber::{Layer, layer::SubscriberExt as _};

    use super::*;

    /// Notes messages, and panics at one of them.
    #[derive(Clone, Default)]
    struct Events(Arc<Mutex<Vec<(Level, String)>>>);

    impl<S: Subscriber> Layer<S> for Events {
        fn on_event(
            &self,
            event: &tracing::Event<'_>,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            struct Message(String);
            impl Visit for Message {
                fn record_debug(
                    &mut self,
                    field: &tracing::field::Field,
                    value: &dyn std::fmt::Debug,
                ) {
                    if field.name() == "message" {
                        self.0 = format!("{value:?}");
                    }
                }
            }
            let mut message = Message(String::new());
            event.record(&mut message);
            assert_ne!(message.0, "panic", "as a subscriber may");
            self.0.lock().unwrap().push((*event.metadata().level(), message.0));
        }
    }

    impl Events {
        fn take(&self) -> Vec<(Level, String)> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    #[test]
    fn a_flood_is_cut_and_its_loss_is_told_once() {
        let events = Events::default();
        let mut log = Log {
            plugin: "kv".to_owned(),
            stream: StdioStream::Stdout,
            rate: Rate::new(Rate::OF_A_LOG),
        };
        let start = Instant::now();
        tracing::subscriber::with_default(
            tracing_subscriber::registry().with(events.clone()),
            || {
                for _ in 0..10_000 {
                    log.line(b"x\n", start);
                }
                let passed = events.take();
                assert_eq!(passed.len(), Rate::OF_A_LOG / (2 + 128));
                assert!(passed.iter().all(|event| *event == (Level::DEBUG, "x".to_owned())));
                log.rate.miss(7);
                log.line(b"next\n", start + Duration::from_secs(1));
                log.end();
            },
        );
        let lost = 10_000 - Rate::OF_A_LOG / (2 + 128);
        let told = format!(
            "{} lines of captured stdout were left out, {} bytes: too many at once",
            lost + 1,
            lost * 2 + 7
        );
        assert_eq!(events.take(), [(Level::WARN, told), (Level::DEBUG, "next".to_owned())]);
    }

    #[tokio::test]
    async fn a_subscriber_that_panics_ends_nothing() {
        let events = Events::default();
        let buffer = Arc::new(Buffer::new(64));
        buffer.push(StdioStream::Stdout, b"panic\nmore");
        buffer.close();
        log_lines("kv".to_owned(), buffer, StdioStream::Stdout)
            .with_subscriber(tracing_subscriber::registry().with(events.clone()))
            .await;
        assert_eq!(events.take(), [(Level::DEBUG, "more".to_owned())]);
    }
}

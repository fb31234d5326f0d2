//! Where captured output goes when the application does not read it itself.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};

use super::{Buffer, StdioStream, losses::Losses};

/// A writer that the plugins of one builder share.
#[derive(Clone)]
pub(crate) struct Sink(Arc<Mutex<Target>>);

impl Sink {
    pub(crate) fn new(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }

    /// The same as a writer, for one plugin.
    pub(crate) fn writer(&self) -> Box<dyn AsyncWrite + Send + Unpin> {
        Box::new(Writer { sink: self.0.clone(), turn: Turn::None })
    }

    /// Writes all of `data`, undisturbed by other plugins.
    pub(crate) async fn write(&self, data: &[u8]) -> io::Result<()> {
        let mut writer = self.0.lock().await;
        writer.write_all(data).await?;
        writer.flush().await
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// A sink's writer: waits for its turn at each operation, then keeps it until that is done.
struct Writer {
    sink: Arc<Mutex<Target>>,
    turn: Turn,
}

type Target = dyn AsyncWrite + Send + Unpin;

enum Turn {
    None,
    Awaited(BoxFuture<'static, OwnedMutexGuard<Target>>),
    Mine(OwnedMutexGuard<Target>),
}

impl Writer {
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        operation: impl FnOnce(Pin<&mut Target>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        loop {
            match &mut self.turn {
                Turn::None => self.turn = Turn::Awaited(Box::pin(self.sink.clone().lock_owned())),
                Turn::Awaited(turn) => self.turn = Turn::Mine(ready!(turn.as_mut().poll(cx))),
                Turn::Mine(target) => {
                    let done = ready!(operation(Pin::new(&mut **target), cx));
                    self.turn = Turn::None;
                    return Poll::Ready(done);
                }
            }
        }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, |target, cx| target.poll_write(cx, data))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |target, cx| target.poll_flush(cx))
    }

    /// Only flushes: other plugins may go on writing.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

/// Writes one stream into a sink. A slow sink loses the oldest bytes, which is told, also while it
/// hangs, and holds up nobody.
pub(crate) async fn write_to(sink: Sink, buffer: Arc<Buffer>, stream: StdioStream) {
    /// Time between two looks at what a sink that hangs has lost.
    const LOOK: Duration = Duration::from_secs(1);
    let mut cursor = buffer.cursor();
    let mut losses = Losses::new(stream);
    let mut lost = 0;
    while let Some(chunk) = buffer.next_of(stream, &mut cursor).await {
        lost += chunk.lost;
        losses.note(lost);
        let mut writing = std::pin::pin!(sink.write(&chunk.data));
        let written = loop {
            match timeout(LOOK, &mut writing).await {
                Ok(written) => break written,
                Err(_) => losses.note(lost + buffer.missed(stream, &cursor)),
            }
        };
        if let Err(error) = written {
            tracing::warn!(?stream, %error, "the sink for the plugin's output failed and gets no more");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tracing::instrument::WithSubscriber as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[tokio::test]
    async fn plugins_take_turns_at_one_writer() {
        let (writer, mut reader) = tokio::io::duplex(4);
        let sink = Sink::new(writer);
        let tasks = ["aaaa", "bbbb", "cccc"].map(|text| {
            let mut writer = sink.writer();
            tokio::spawn(async move { writer.write_all(text.as_bytes()).await.unwrap() })
        });
        drop(sink);
        let mut read = String::new();
        reader.read_to_string(&mut read).await.unwrap();
        let mut pieces = [&read[..4], &read[4..8], &read[8..]];
        pieces.sort_unstable();
        assert_eq!(pieces, ["aaaa", "bbbb", "cccc"]);
        for task in tasks {
            task.await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_sink_gets_its_own_stream_byte_for_byte() {
        let (writer, mut reader) = tokio::io::duplex(64);
        let buffer = Arc::new(Buffer::new(64));
        buffer.push(StdioStream::Stdout, b"out\xff\n");
        buffer.push(StdioStream::Stderr, b"err");
        buffer.push(StdioStream::Stdout, b"more");
        buffer.close();
        write_to(Sink::new(writer), buffer, StdioStream::Stdout).await;
        let mut read = Vec::new();
        reader.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"out\xff\nmore");
    }

    /// Counts warnings and the bytes that they name.
    #[derive(Clone, Default)]
    struct Warnings(Arc<std::sync::Mutex<Vec<u64>>>);

    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Warnings {
        fn on_event(
            &self,
            event: &tracing::Event<'_>,
            _: tracing_subscriber::layer::Context<'_, S>,
        ) {
            struct Lost<'a>(&'a Warnings);
            impl tracing::field::Visit for Lost<'_> {
                fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn fmt::Debug) {}
                fn record_u64(&mut self, _: &tracing::field::Field, value: u64) {
                    self.0.0.lock().unwrap().push(value);
                }
            }
            if *event.metadata().level() == tracing::Level::WARN {
                event.record(&mut Lost(self));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_sink_loses_is_told_at_once_and_then_in_sums_also_while_it_hangs() {
        let warnings = Warnings::default();
        let told = || warnings.0.lock().unwrap().clone();
        let subscriber = tracing_subscriber::registry().with(warnings.clone());
        let (writer, mut reader) = tokio::io::duplex(1);
        let buffer = Arc::new(Buffer::new(4));
        let writing = write_to(Sink::new(writer), buffer.clone(), StdioStream::Stdout);
        let writing = tokio::spawn(writing.with_subscriber(subscriber));
        let print = async |times: usize| {
            for _ in 0..times {
                buffer.push(StdioStream::Stdout, b"1234");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        print(2).await;
        assert_eq!(told(), [] as [u64; 0], "all of it is still there");
        print(2).await;
        assert_eq!(told(), [4]);
        print(5).await;
        assert_eq!(told(), [4], "not so soon again");
        print(10).await;
        assert_eq!(told().len(), 2);
        buffer.close();
        let mut read = Vec::new();
        reader.read_to_end(&mut read).await.unwrap();
        writing.await.unwrap();
        assert_eq!(read, b"12341234");
        assert_eq!(told().iter().sum::<u64>(), 4 * 17, "in the end all of it");
    }
}

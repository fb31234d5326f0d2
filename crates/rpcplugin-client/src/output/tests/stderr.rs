use std::{
    io,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use super::*;
use crate::output::stderr::RawSink;

fn options(raw: Option<RawSink>) -> StderrOptions {
    StderrOptions { name: "kv".to_owned(), tail_lines: 100, raw, live: live(LogLevel::Trace) }
}

fn relay(raw: Option<RawSink>) -> (Sender, CancellationToken, Tail, tokio::task::JoinHandle<()>) {
    let (sender, receiver): (Sender, Receiver) = pipe().unwrap();
    let ended = CancellationToken::new();
    let (tail, task) = relay_stderr(receiver, options(raw), ended.clone());
    (sender, ended, tail, task)
}

/// A sink that keeps what it gets.
#[derive(Clone, Default)]
struct Keeping(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Keeping {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A sink that never takes anything.
struct Stuck;

impl AsyncWrite for Stuck {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        _: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn lines_become_events_with_the_plugins_level_and_name() {
    let (log, _guard) = Log::here();
    let (mut sender, _, tail, task) = relay(None);
    let json = r#"{"@level":"warn","@message":"low","@module":"m","@timestamp":"t","a":1}"#;
    let text = format!("{json}\n{{\"@message\":5}}\n[INFO] x\nplain");
    sender.write_all(text.as_bytes()).await.unwrap();
    drop(sender);
    soon(task).await.unwrap();
    let expected = [
        r#"WARN low plugin.name="kv" plugin.module="m" plugin.timestamp="t" plugin.fields="{\"a\":1}""#,
        r#"DEBUG {"@message":5} plugin.name="kv""#,
        r#"INFO [INFO] x plugin.name="kv""#,
        r#"DEBUG plain plugin.name="kv""#,
    ];
    assert_eq!(log.lines(), expected);
    assert_eq!(tail.lines(), [json, r#"{"@message":5}"#, "[INFO] x", "plain"]);
    assert_eq!(tail.reason().as_deref(), Some("plain"));
}

#[tokio::test]
async fn a_panic_is_one_event_even_if_nothing_follows_it() {
    let (log, _guard) = Log::here();
    let (mut sender, _, _, task) = relay(None);
    sender.write_all(b"panic: boom\n\ngoroutine 1 [running]:\n").await.unwrap();
    let event = "ERROR panic: boom\n    \n    goroutine 1 [running]: plugin.name=\"kv\"";
    soon(async {
        while log.lines() != [event] {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    })
    .await;
    drop(sender);
    soon(task).await.unwrap();
    assert_eq!(log.lines(), [event]);
}

#[tokio::test]
async fn the_last_words_are_complete_when_the_end_is_known() {
    let (mut sender, ended, tail, task) = relay(None);
    let words: Vec<String> = (0..100).map(|n| format!("last word {n}")).collect();
    sender.write_all(format!("first\n{}\n", words.join("\n")).as_bytes()).await.unwrap();
    ended.cancel();
    assert_eq!(soon(tail.last_words()).await, words);
    soon(task).await.unwrap();
    drop(sender);
}

#[tokio::test]
async fn sixty_four_mebibytes_without_a_newline_are_read_in_pieces() {
    let (log, _guard) = Log::here();
    let (mut sender, _, tail, task) = relay(None);
    let block = vec![b'x'; 1024 * 1024];
    for _ in 0..64 {
        sender.write_all(&block).await.unwrap();
    }
    drop(sender);
    soon(task).await.unwrap();
    let lines = log.lines();
    assert!(lines.iter().all(|line| line.len() < 65 * 1024));
    // Whether any are left out depends on the time that it takes.
    assert!(!lines.is_empty());
    assert!(tail.lines().iter().all(|line| line.len() <= 4096));
}

#[tokio::test]
async fn a_flood_of_lines_is_read_and_counted() {
    let (log, _guard) = Log::here();
    let (mut sender, _, tail, task) = relay(None);
    let block = b"y\n".repeat(512 * 1024);
    for _ in 0..16 {
        sender.write_all(&block).await.unwrap();
    }
    sender.write_all(b"the end\n").await.unwrap();
    drop(sender);
    soon(task).await.unwrap();
    assert_eq!(tail.lines().last().map(String::as_str), Some("the end"));
    let seconds = 20;
    let lines = log.lines();
    assert!(lines.len() <= seconds * 1024 * 1024 / 128, "{}", lines.len());
    let left_out: usize = lines
        .iter()
        .filter_map(|line| line.strip_prefix("WARN ")?.split_once(" lines of stderr were left"))
        .map(|(count, _)| count.parse::<usize>().unwrap())
        .sum();
    let shown = lines.iter().filter(|line| line.starts_with("DEBUG ")).count();
    assert_eq!(shown + left_out, 16 * 512 * 1024 + 1, "each line is shown or counted");
}

#[tokio::test]
async fn a_raw_sink_gets_the_bytes_as_they_are() {
    let sink = Keeping::default();
    let (mut sender, _, _, task) = relay(Some(Box::new(sink.clone())));
    let bytes = b"{\"@level\":\"info\"}\r\n\xff\x1b[2J no newline";
    sender.write_all(bytes).await.unwrap();
    drop(sender);
    soon(task).await.unwrap();
    assert_eq!(*sink.0.lock().unwrap(), bytes);
}

#[tokio::test]
async fn a_stuck_sink_holds_nothing_up() {
    let (log, _guard) = Log::here();
    let (mut sender, _, tail, task) = relay(Some(Box::new(Stuck)));
    let block = b"y\n".repeat(512 * 1024);
    for _ in 0..4 {
        soon(sender.write_all(&block)).await.unwrap();
    }
    drop(sender);
    soon(task).await.unwrap();
    assert_eq!(tail.lines().len(), 100);
    assert!(log.lines().iter().any(|line| line.contains("raw stderr")));
}

#[tokio::test]
async fn a_subscriber_that_panics_ends_nothing() {
    let (log, _guard) = Log::here();
    let (mut sender, _, tail, task) = relay(None);
    sender.write_all(b"before\nPANIC\nafter\n").await.unwrap();
    drop(sender);
    soon(task).await.unwrap();
    assert_eq!(tail.lines(), ["before", "PANIC", "after"]);
    assert_eq!(
        log.lines(),
        ["before", "after"].map(|text| format!("DEBUG {text} plugin.name=\"kv\""))
    );
}

#[tokio::test]
async fn lines_below_the_level_are_kept_for_reports_and_are_no_events() {
    let (log, _guard) = Log::here();
    let (mut sender, stderr) = pipe().unwrap();
    let options = StderrOptions { live: live(LogLevel::Warn), ..options(None) };
    let (tail, task) = relay_stderr(stderr, options, CancellationToken::new());
    sender.write_all(b"[INFO] quiet\n[WARN] loud\nplain\n").await.unwrap();
    drop(sender);
    soon(task).await.unwrap();
    let [line] = &log.lines()[..] else { panic!("{:?}", log.lines()) };
    assert!(line.starts_with("WARN") && line.contains("loud"), "{line}");
    assert_eq!(soon(tail.last_words()).await.len(), 3);
}

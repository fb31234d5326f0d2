use proptest::prelude::*;
use rpcplugin_core::limits;

use super::*;

async fn read(bytes: &[u8], lenient: bool) -> (Line, Vec<String>) {
    let (mut sender, receiver) = pipe().unwrap();
    let mut reader = LineReader::new(receiver);
    let write = async move {
        // Fails when the reader has seen enough.
        let _ = sender.write_all(bytes).await;
    };
    let (line, ()) = soon(async { tokio::join!(reader.handshake_line(lenient), write) }).await;
    (line, reader.seen())
}

fn complete(line: &str) -> Line {
    Line::Complete(line.as_bytes().to_vec())
}

#[tokio::test]
async fn the_first_line_counts() {
    let (line, seen) = read(b"1|1|tcp|x|grpc|\r\nmore", false).await;
    assert_eq!(line, complete("1|1|tcp|x|grpc|\r"));
    assert_eq!(seen, [r"1|1|tcp|x|grpc|\r", "more"]);
    assert_eq!(read(b"Welcome\n1|1|x\n", false).await.0, complete("Welcome"));
    assert_eq!(read(b"\n1|1|x\n", false).await.0, complete(""));
}

#[tokio::test]
async fn bytes_without_a_newline_are_no_line() {
    let (line, seen) = read(b"1|1|tcp|\x1b\xff", false).await;
    assert_eq!((line, seen), (Line::End, vec![r"1|1|tcp|\x1b\xff".to_owned()]));
    assert_eq!(read(b"", true).await, (Line::End, Vec::new()));
}

#[tokio::test]
async fn a_line_without_end_is_too_long_and_not_held() {
    let (mut sender, receiver) = pipe().unwrap();
    let mut reader = LineReader::new(receiver);
    let flood = tokio::spawn(async move {
        let block = [b'x'; 64 * 1024];
        while sender.write_all(&block).await.is_ok() {}
    });
    let Line::TooLong(start) = soon(reader.handshake_line(false)).await else { panic!() };
    assert_eq!(start, [b'x'; limits::REPORT_LINE]);
    assert!(reader.seen().concat().len() <= limits::REPORT_LINE);
    let (_, held) = reader.into_parts();
    assert!(held.len() <= limits::HANDSHAKE_LINE + 4096 && held.capacity() <= 64 * 1024);
    flood.await.unwrap();
}

#[tokio::test]
async fn the_longest_line_is_read() {
    let mut longest = vec![b'x'; limits::HANDSHAKE_LINE];
    longest.extend(b"\r\n");
    let (line, _) = read(&longest, false).await;
    assert!(matches!(line, Line::Complete(line) if line.len() == limits::HANDSHAKE_LINE + 1));
}

#[tokio::test]
async fn a_lenient_host_skips_a_banner_within_bounds() {
    let (line, seen) = read(b"Welcome\n\n 1|2|x\n", true).await;
    assert_eq!(line, complete(" 1|2|x"));
    assert_eq!(seen, ["Welcome", "", " 1|2|x"]);

    let many = "x\n".repeat(64) + "1|1\n";
    assert_eq!(read(many.as_bytes(), true).await.0, complete("1|1"));
    let too_many = "x\n".repeat(65) + "1|1\n";
    assert_eq!(read(too_many.as_bytes(), true).await.0, complete("x"));
    let long = format!("{}\n", "x".repeat(16 * 1024 - 1));
    let too_long = long.repeat(5) + "1|1\n";
    assert_eq!(read(too_long.as_bytes(), true).await.0, complete(long.trim_end()));
}

#[tokio::test]
async fn reading_may_be_cancelled_and_goes_on() {
    let (mut sender, receiver) = pipe().unwrap();
    let mut reader = LineReader::new(receiver);
    for part in ["1|", "1|", "x"] {
        sender.write_all(part.as_bytes()).await.unwrap();
        let before = reader.seen();
        tokio::select! {
            biased;
            _ = reader.handshake_line(false) => panic!("there is no newline"),
            () = std::future::ready(()) => {}
        }
        assert!(reader.seen().concat().len() >= before.concat().len());
    }
    sender.write_all(b"\n").await.unwrap();
    assert_eq!(soon(reader.handshake_line(false)).await, complete("1|1|x"));
}

#[tokio::test]
async fn what_an_ended_process_left_is_read_though_others_hold_the_pipe() {
    let (mut sender, receiver) = pipe().unwrap();
    let mut reader = LineReader::new(receiver);
    sender.write_all(b"1|1|x\nrest").await.unwrap();
    // No reactor has run since, so only the pipe itself knows.
    assert_eq!(reader.handshake_line_now(false), complete("1|1|x"));
    assert_eq!(reader.handshake_line_now(false), Line::End);
    drop(sender);
}

proptest! {
    #[test]
    fn no_bytes_panic_the_reader(
        bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'|'), any::<u8>()], 0..400),
        lenient: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (line, seen) = runtime.block_on(read(&bytes, lenient));
        prop_assert_eq!(line == Line::End && !lenient, !bytes.contains(&b'\n') && !lenient);
        prop_assert!(!seen.concat().contains(|c: char| c.is_control()));
    }
}

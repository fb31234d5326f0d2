use super::*;

#[tokio::test]
async fn what_follows_the_line_is_stray() {
    let (log, _guard) = Log::here();
    let (mut sender, receiver) = pipe().unwrap();
    let mut reader = LineReader::new(receiver);
    sender.write_all(b"1|1|x\nhello\n\x1b[2J\n\nlast").await.unwrap();
    soon(reader.handshake_line(false)).await;
    let (tail, task) = drain_stdout(reader, "kv".to_owned(), CancellationToken::new());
    drop(sender);
    soon(task).await.unwrap();
    assert_eq!(tail.lines(), ["hello", r"\x1b[2J", "last"]);
    let warning = |line| format!("WARN stray output on stdout: {line} plugin.name=\"kv\"");
    assert_eq!(log.lines(), ["hello", r"\x1b[2J", "last"].map(warning));
}

#[tokio::test]
async fn a_flood_is_read_and_little_of_it_is_reported() {
    let (log, _guard) = Log::here();
    let (mut sender, receiver) = pipe().unwrap();
    let (tail, task) =
        drain_stdout(LineReader::new(receiver), "kv".to_owned(), CancellationToken::new());
    let line = [[b'x'; 1023].as_slice(), b"\n"].concat();
    for _ in 0..16 * 1024 {
        sender.write_all(&line).await.unwrap();
    }
    sender.write_all(&vec![b'y'; 1024 * 1024]).await.unwrap();
    drop(sender);
    soon(task).await.unwrap();
    assert_eq!(tail.lines().len(), 10);
    let lines = log.lines();
    assert!(lines.len() < 1000, "{}", lines.len());
    assert!(lines.last().unwrap().contains("lines of stdout were left out"));
}

#[tokio::test]
async fn reading_ends_with_the_process_though_others_hold_the_pipe() {
    let (log, _guard) = Log::here();
    let (mut sender, receiver) = pipe().unwrap();
    let ended = CancellationToken::new();
    let (tail, task) = drain_stdout(LineReader::new(receiver), "kv".to_owned(), ended.clone());
    sender.write_all(b"last words\n").await.unwrap();
    ended.cancel();
    assert_eq!(soon(tail.last_words()).await, ["last words"]);
    soon(task).await.unwrap();
    assert_eq!(log.lines().len(), 1);
    assert!(sender.write_all(b"x").await.is_err(), "our end is closed");
}

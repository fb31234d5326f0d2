//! Row A11 of the fault catalogue: a start whose owner loses interest.

use std::{path::Path, time::Duration};

use crate::support::{BOUND, Case, entries, exists};

/// Starts a plugin that notes its pid and waits, and returns when the note is there.
async fn noted(path: &Path) -> u32 {
    loop {
        if let Ok(text) = std::fs::read_to_string(path)
            && let Ok(pid) = text.trim().parse()
        {
            return pid;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(BOUND, waiting).await.is_ok(), "not seen in time: {what}");
}

#[tokio::test]
async fn dropping_the_future_kills_and_reaps() {
    let notes = tempfile::tempdir().unwrap();
    // Waiting for a line; connecting to a socket that nobody serves in time.
    for (name, line) in [("line", ""), ("connect", "echo '1|1|tcp|127.0.0.1:9|grpc|'; ")] {
        let note = notes.path().join(name);
        let script = format!("{line}echo $$ > {}; exec sleep 300", note.display());
        let (base, builder, command) = Case::script(&script).into_parts();
        let pid = tokio::select! {
            pid = noted(&note) => pid,
            done = builder.spawn(command) => {
                // A closed port may be refused before the note is written.
                assert_eq!(done.unwrap_err().code(), "TRANSPORT_REFUSED");
                continue;
            }
        };
        until("the end of the process", || !exists(pid)).await;
        until("the end of the directory", || entries(base.path()).is_empty()).await;
    }
}

#[tokio::test]
async fn dropping_it_at_any_point_leaves_nothing() {
    for millis in 0..25 {
        let script = "echo '1|1|unix|'$PLUGIN_UNIX_SOCKET_DIR'/s|grpc|'; exec sleep 300";
        let (base, builder, command) = Case::script(script).into_parts();
        let limit = Duration::from_micros(millis * 200);
        let _ = tokio::time::timeout(limit, builder.spawn(command)).await;
        until("the end of the directory", || entries(base.path()).is_empty()).await;
    }
}

#[test]
fn dropping_it_without_a_runtime_leaves_nothing() {
    let notes = tempfile::tempdir().unwrap();
    let note = notes.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 300", note.display());
    let (base, builder, command) = Case::script(&script).into_parts();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut start = Box::pin(builder.spawn(command));
    let pid = runtime.block_on(async {
        tokio::select! {
            pid = noted(&note) => pid,
            _ = &mut start => unreachable!("it prints no line"),
        }
    });
    drop(runtime);
    drop(start);
    let deadline = std::time::Instant::now() + BOUND;
    while exists(pid) || !entries(base.path()).is_empty() {
        assert!(std::time::Instant::now() < deadline, "process {pid} is left");
        std::thread::sleep(Duration::from_millis(2));
    }
}

//! What the plugin's author wants done at the moments of a server's life.

use std::{future::pending, time::Duration};

use rpcplugin_server::PluginSet;
use tokio::sync::mpsc;

use crate::{Running, refused, with};

const GRACE: Duration = Duration::from_millis(400);

#[tokio::test]
async fn hooks_run_at_their_moments_and_the_last_is_told_the_time_that_remains() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let tell = move |what: &'static str, left: Option<Duration>| {
        let told = told.clone();
        async move { told.send((what, left)).unwrap() }
    };
    let (ready, drain) = (tell.clone(), tell.clone());
    let server = with(PluginSet::new())
        .grpc_grace_period(GRACE)
        .on_ready(move || ready("ready", None))
        .on_drain(move || drain("drain", None))
        .on_shutdown(move |left| tell("shutdown", Some(left)));
    let running = Running::start(server).await;
    assert_eq!(heard.recv().await, Some(("ready", None)));
    assert!(heard.is_empty(), "nothing else before the stop");
    running.handle.shutdown(GRACE).await;
    assert_eq!(heard.recv().await, Some(("drain", None)));
    let (what, left) = heard.recv().await.unwrap();
    assert_eq!(what, "shutdown");
    assert!(left.unwrap() < GRACE, "{left:?}");
    assert_eq!(heard.recv().await, None);
    running.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn hooks_that_hang_or_panic_hold_nothing_up() {
    let hanging = with(PluginSet::new())
        .grpc_grace_period(GRACE)
        .on_ready(pending)
        .on_drain(pending)
        .on_shutdown(|_| pending());
    let panicking = with(PluginSet::new())
        .grpc_grace_period(GRACE)
        .on_ready(async || panic!("a hook's panic"))
        .on_drain(async || panic!("a hook's panic"))
        .on_shutdown(async |_| panic!("a hook's panic"));
    let panicking_at_once = with(PluginSet::new())
        .grpc_grace_period(GRACE)
        .on_ready(at_once)
        .on_drain(at_once)
        .on_shutdown(|_| at_once());
    for server in [hanging, panicking, panicking_at_once] {
        let running = Running::start(server).await;
        let stopped = running.handle.shutdown(GRACE);
        tokio::time::timeout(Duration::from_secs(10), stopped).await.unwrap();
        running.served.await.unwrap().unwrap();
    }
}

/// A hook that fails before there is a future to await.
fn at_once() -> std::future::Ready<()> {
    panic!("a hook's panic")
}

#[tokio::test(start_paused = true)]
async fn a_file_asks_for_the_stop_within_a_second_and_one_from_before_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stop");
    std::fs::write(&path, "from before").unwrap();
    let running = Running::start(with(PluginSet::new()).shutdown_file_path(&path)).await;
    assert!(!path.exists(), "it is removed at the start");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!running.served.is_finished());
    std::fs::write(&path, "").unwrap();
    let start = tokio::time::Instant::now();
    running.served.await.unwrap().unwrap();
    assert!(start.elapsed() <= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_shutdown_file_that_cannot_be_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path(), std::path::Path::new("relative")] {
        let server = with(PluginSet::new()).shutdown_file_path(path);
        assert_eq!(refused(server).await.code(), "CONFIG_INVALID", "{}", path.display());
    }
}

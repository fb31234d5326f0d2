//! A test under the oracle.

use std::{sync::Once, time::Duration};

use tokio::runtime::Handle;

use super::{LeakGuard, Turn};

/// The runtime that a test runs on.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Runtime {
    /// One thread.
    CurrentThread,
    /// Two worker threads.
    MultiThread,
}

/// Runs a test on two workers, and asserts that it left nothing behind.
///
/// # Panics
///
/// If the test does, or if something is left.
pub fn leak_free(test: impl AsyncFnOnce(&LeakGuard)) {
    leak_free_on(Runtime::MultiThread, test);
}

/// As [`leak_free`], on the given kind of runtime.
///
/// # Panics
///
/// If the test does, or if something is left.
pub fn leak_free_on(runtime: Runtime, test: impl AsyncFnOnce(&LeakGuard)) {
    warm_up();
    // The turn begins before the runtime and ends after it, since its descriptors and threads
    // count.
    let _turn = Turn::wait();
    let (mut builder, workers) = match runtime {
        Runtime::CurrentThread => (tokio::runtime::Builder::new_current_thread(), 0..0),
        Runtime::MultiThread => (tokio::runtime::Builder::new_multi_thread(), 0..2),
    };
    let runtime = builder
        .worker_threads(2)
        // Blocking threads end soon after their work, and only those that are stuck are leaks.
        .thread_keep_alive(Duration::from_millis(10))
        .enable_all()
        .build()
        .expect("the system has descriptors and threads for a test");
    runtime.block_on(async {
        // Workers and blocking calls share one pool of threads. Until each worker has its thread,
        // a blocking call may take it, and the worker a thread that is made for the call.
        let metrics = Handle::current().metrics();
        while workers.clone().any(|worker| metrics.worker_park_count(worker) == 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let guard = LeakGuard::baseline();
        test(&guard).await;
        guard.check().await;
    });
}

/// Makes what a process keeps for good once it started a plugin: the threads that fork and reap,
/// and tokio's signal pipe.
fn warm_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("the system has descriptors and threads for a test");
        let builder = rpcplugin::Client::builder(crate::COOKIE);
        let start = runtime.block_on(builder.spawn(tokio::process::Command::new("true")));
        assert!(start.is_err(), "true is no plugin");
    });
}

//! Futures that are dropped at any point: `docs/faults.md` A11, E4, H14.

#![cfg(target_os = "linux")]

use std::{future::Future, pin::pin, task::Poll, time::Duration};

use rpcplugin_tests::{
    Fifo,
    host::{evil_plugin, host, probe, test_plugin},
    leak::{Runtime, leak_free, leak_free_on},
};

/// Polls `future` until it has made this many steps, and tells whether it is still on its way.
/// A step is a poll that its own waker asked for.
async fn steps(future: impl Future, count: usize) -> bool {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls == count {
            return Poll::Ready(true);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Drops a start after 0, 1, 2, … steps until it succeeds. Each time nothing may be left.
fn every_point(runtime: Runtime) {
    leak_free_on(runtime, async |guard| {
        let mut count = 0;
        loop {
            let part = guard.nested();
            let pending = steps(host(guard).spawn(test_plugin(guard)), count).await;
            part.check().await;
            if !pending {
                break;
            }
            count += 1;
        }
        assert!(count > 0, "a start takes its time");
    });
}

#[test]
fn a11_a_start_may_be_dropped_at_any_point_on_one_thread() {
    every_point(Runtime::CurrentThread);
}

#[test]
fn a11_a_start_may_be_dropped_at_any_point_on_two_workers() {
    every_point(Runtime::MultiThread);
}

#[test]
fn a11_a_start_that_waits_for_the_line_may_be_dropped() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let command = evil_plugin(guard, ["report", reports.path(), "{pid}", "hang"]);
        let start = tokio::spawn(host(guard).spawn(command));
        let pid = reports.line().await.unwrap().parse().unwrap();
        assert!(rpcplugin_tests::host::exists(pid));
        start.abort();
        assert!(start.await.unwrap_err().is_cancelled());
        rpcplugin_tests::host::gone(pid).await;
    });
}

#[test]
fn h14_a_shutdown_may_be_dropped_at_any_point() {
    leak_free(async |guard| {
        for count in 0.. {
            let part = guard.nested();
            let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
            let pending = steps(client.shutdown(), count).await;
            part.check().await;
            if !pending {
                break;
            }
        }
    });
}

#[test]
fn e4_the_plugin_learns_that_a_caller_left() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = test_plugin(guard);
        command.env("TEST_PLUGIN_REPORT", reports.path());
        let client = host(guard).spawn(command).await.unwrap();
        let mut probe = probe(&client);
        let mut again = probe.clone();
        let call = tokio::spawn(async move { probe.sleep(600_000_u32).await });
        assert_eq!(reports.line().await.unwrap(), "sleep started");
        call.abort();
        let cancelled = tokio::time::timeout(Duration::from_secs(2), reports.line());
        assert_eq!(cancelled.await.unwrap().unwrap(), "sleep cancelled");
        again.echo(vec![]).await.unwrap();
        client.shutdown().await.unwrap();
    });
}

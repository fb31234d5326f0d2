//! Many plugins in one host: F-LIFE-2, `docs/faults.md` N1.

#![cfg(target_os = "linux")]

use rpcplugin::client::ShutdownOutcome;
use rpcplugin_tests::{
    host::{host, probe, test_plugin},
    leak::leak_free,
};
use tokio::task::JoinSet;

#[test]
fn n1_100_plugins_at_once_answer_and_end() {
    leak_free(async |guard| {
        let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
        let mut starts = JoinSet::new();
        let before = threads();
        for number in 0..100_u32 {
            let start = host(guard).spawn(test_plugin(guard));
            starts.spawn(async move { (number, start.await.unwrap()) });
        }
        let plugins = starts.join_all().await;
        assert_eq!(plugins.len(), 100);
        // No thread per plugin: blocking calls and other tests of this file may have some.
        assert!(threads() < before + 20, "{} threads more", threads() - before);

        let mut calls = JoinSet::new();
        for (number, client) in plugins {
            calls.spawn(async move {
                let bytes = number.to_le_bytes().to_vec();
                let reply = probe(&client).echo(bytes.clone()).await.unwrap();
                assert_eq!(reply.into_inner(), bytes);
                client
            });
        }
        let plugins = calls.join_all().await;

        let mut ends = JoinSet::new();
        for client in plugins {
            ends.spawn(client.shutdown());
        }
        for report in ends.join_all().await {
            assert_eq!(report.unwrap().outcome, ShutdownOutcome::Graceful);
        }
    });
}

#[test]
fn m5_starting_and_stopping_again_and_again_leaves_nothing_each_time() {
    leak_free(async |guard| {
        for _ in 0..20 {
            let part = guard.nested();
            let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
            probe(&client).echo(vec![]).await.unwrap();
            client.shutdown().await.unwrap();
            part.check().await;
        }
    });
}

//! Announcements of side channels that fail: `docs/faults.md` F10.

#![cfg(target_os = "linux")]

use std::{path::Path, time::Duration};

use rpcplugin::{Tls, core::Address};
use rpcplugin_tests::{
    Fifo, Mirror,
    host::{evil_plugin, host, test_plugin},
    leak::{Runtime, leak_free, leak_free_on},
};
use tokio::task::JoinSet;

fn sockets(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, Iterator::count)
}

/// Waits until there are so many.
async fn wait_for_sockets(directory: &Path, count: usize) {
    let reached = async {
        while sockets(directory) != count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(10), reached).await;
    assert!(reached.is_ok(), "{} sockets, not {count}", sockets(directory));
}

#[test]
fn f10_an_announcement_that_fails_takes_its_listener_with_it() {
    // On one thread, so that the connection cannot take announcements as fast as they are made.
    leak_free_on(Runtime::CurrentThread, async |guard| {
        /// More than wait for a connection that takes none.
        const MANY: usize = 64;
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let manner = format!("deaf-broker:{}", gate.path());
        let line = "1|{version}|{network}|{address}|grpc|";
        let words = ["listen", "unix", "serve", &manner, "line", line, "hang"];
        // Whatever ends the wait below, it is not this.
        let builder = host(guard).tls(Tls::Plaintext).broker_timeout(Duration::from_secs(120));
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        let Address::Unix(main) = client.address() else { panic!("{}", client.address()) };
        let directory = main.parent().unwrap().to_owned();
        let before = sockets(&directory);
        let broker = client.broker();
        let mut serving = JoinSet::new();
        for _ in 0..MANY {
            let broker = broker.clone();
            serving.spawn(async move { broker.serve(Mirror::new()).await });
        }
        wait_for_sockets(&directory, before + MANY).await;
        gate.release().await.unwrap();
        let ends = tokio::time::timeout(Duration::from_secs(1), serving.join_all()).await;
        let (sent, failed): (Vec<_>, Vec<_>) =
            ends.expect("within a second").into_iter().partition(Result::is_ok);
        assert!(!failed.is_empty(), "everything was sent");
        for end in &failed {
            assert_eq!(end.as_ref().unwrap_err().code(), "TRANSPORT_DISCONNECTED");
        }
        assert_eq!(sockets(&directory), before + sent.len());
        drop(sent);
        wait_for_sockets(&directory, before).await;
        assert_eq!(broker.counts().served, 0);
        client.shutdown().await.unwrap();
    });
}

#[test]
fn f10_a_plugin_that_ends_takes_an_announcement_with_it() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let broker = client.broker();
        let Address::Unix(main) = client.address() else { panic!("{}", client.address()) };
        let directory = main.parent().unwrap().to_owned();
        client.kill().await;
        let error = broker.serve(Mirror::new()).await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_SHUT_DOWN");
        assert_eq!((sockets(&directory), broker.counts().served), (0, 0));
    });
}

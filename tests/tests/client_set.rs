//! Many plugins that end together: F-LIFE-19.

#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use rpcplugin::client::{ClientSet, ShutdownOutcome};
use rpcplugin_tests::{
    host::{evil_plugin, exists, freeze, host, probe, signal, test_plugin},
    leak::leak_free,
};
use rustix::process::Signal;

const LINE: &str = "1|{version}|{network}|{address}|grpc|{cert}";

#[test]
fn a_set_ends_its_plugins_at_once_and_tells_of_each() {
    leak_free(async |guard| {
        // One builder starts them all, and each is a plugin of its own.
        let builder = host(guard).grpc_grace_period(Duration::from_secs(3600));
        let mut set = ClientSet::new();
        for number in 0..12 {
            let client = builder.clone().spawn(test_plugin(guard)).await.unwrap();
            assert!(set.insert(format!("good {number}"), client).is_none());
        }
        // It acknowledges the request to stop, and stays; its own grace is short.
        let words = ["listen", "unix", "serve", "deaf-tls", "line", LINE, "hang"];
        let hasty = builder.clone().grpc_grace_period(Duration::from_millis(100));
        set.insert("deaf", hasty.spawn(evil_plugin(guard, words)).await.unwrap());
        let crashed = builder.clone().spawn(test_plugin(guard)).await.unwrap();
        signal(crashed.pid(), Signal::KILL);
        crashed.exited().await;
        set.insert("crashed", crashed);
        let pids: Vec<_> = set.iter().map(|(_, client)| client.pid()).collect();
        let names: Vec<_> = set.iter().map(|(name, _)| name.to_owned()).collect();

        let limit = Duration::from_secs(3600);
        let outcomes = tokio::time::timeout(Duration::from_secs(60), set.shutdown(limit)).await;
        let outcomes = outcomes.expect("it ends when the last plugin has ended");
        assert!(!pids.into_iter().any(exists));
        assert!(outcomes.iter().map(|(name, _)| name).eq(&names), "in their order");
        for (name, outcome) in outcomes {
            match (name.as_str(), outcome) {
                ("deaf", Ok(report)) => assert_eq!(report.outcome, ShutdownOutcome::Terminated),
                ("crashed", Err(error)) => assert_eq!(error.code(), "TRANSPORT_PLUGIN_GONE"),
                (_, outcome) => {
                    assert_eq!(outcome.unwrap().outcome, ShutdownOutcome::Graceful, "{name}");
                }
            }
        }
    });
}

#[test]
fn stopped_plugins_share_one_deadline() {
    leak_free(async |guard| {
        let builder = host(guard).grpc_grace_period(Duration::from_secs(3600));
        let mut set = ClientSet::new();
        for number in 0..8 {
            let client = builder.clone().spawn(test_plugin(guard)).await.unwrap();
            freeze(client.pid()).await;
            set.insert(number.to_string(), client);
        }
        let limit = Duration::from_secs(1);
        let start = Instant::now();
        let outcomes = set.shutdown(limit).await;
        // One after the other they would take eight times as long.
        assert!(start.elapsed() < limit + Duration::from_secs(3), "{:?}", start.elapsed());
        for (_, outcome) in outcomes {
            assert_eq!(outcome.unwrap().outcome, ShutdownOutcome::Killed);
        }
    });
}

#[test]
fn a_set_keeps_names_and_the_plugins_of_other_handles() {
    leak_free(async |guard| {
        let builder = host(guard);
        let [one, other] = [
            builder.clone().spawn(test_plugin(guard)).await.unwrap(),
            builder.spawn(test_plugin(guard)).await.unwrap(),
        ];
        assert_ne!(one.pid(), other.pid());
        let mut set: ClientSet = [("kv", one)].into_iter().collect();
        let replaced = set.insert("kv", other.clone()).expect("there was one of this name");
        assert_ne!(replaced.pid(), other.pid());
        assert_eq!((set.len(), set.get("kv").map(|client| client.pid())), (1, Some(other.pid())));
        assert!(set.remove("other").is_none());
        // Neither left the set with its last handle, so both run.
        drop(set);
        probe(&replaced).echo(vec![]).await.unwrap();
        probe(&other).echo(vec![]).await.unwrap();
        assert!(ClientSet::new().shutdown(Duration::ZERO).await.is_empty());
    });
}

#[test]
fn a_shutdown_that_is_dropped_kills() {
    leak_free(async |guard| {
        let words = ["listen", "unix", "serve", "deaf-tls", "line", LINE, "hang"];
        let patient = host(guard).grpc_grace_period(Duration::from_secs(3600));
        let client = patient.spawn(evil_plugin(guard, words)).await.unwrap();
        let set: ClientSet = [("deaf", client)].into_iter().collect();
        let ended = set.shutdown(Duration::from_secs(3600));
        assert!(tokio::time::timeout(Duration::from_millis(50), ended).await.is_err());
        // The oracle waits for two seconds, and not for its grace period.
    });
}

//! A host that runs out of descriptors: `docs/faults.md` A15, K4.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use rpcplugin_tests::{
    host::{host, probe, test_plugin},
    leak::{LeakGuard, leak_free},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Leaves this process so many descriptors to open, until it is dropped.
struct Shortage {
    before: Rlimit,
}

impl Shortage {
    fn of(free: u64) -> Self {
        let before = getrlimit(Resource::Nofile);
        let open = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
            entry.unwrap().file_name().to_str().and_then(|number| number.parse::<u64>().ok())
        });
        // The look itself takes one, which is free again.
        let mut numbers: Vec<u64> = open.collect();
        numbers.sort_unstable();
        let highest = numbers.iter().rev().nth(1).copied().unwrap_or(2);
        let limit = Rlimit { current: Some(highest + 1 + free), ..before };
        setrlimit(Resource::Nofile, limit).unwrap();
        Self { before }
    }
}

impl Drop for Shortage {
    fn drop(&mut self) {
        let _ = setrlimit(Resource::Nofile, self.before);
    }
}

/// What a start comes to with so many descriptors: nothing, or the code of its failure.
async fn attempt(guard: &LeakGuard, free: u64) -> Result<(), &'static str> {
    let part = guard.nested();
    let shortage = Shortage::of(free);
    let start = host(guard).spawn(test_plugin(guard)).await;
    drop(shortage);
    let end = match start {
        Ok(client) => {
            client.shutdown().await.unwrap();
            Ok(())
        }
        Err(error) => {
            assert!(error.is_retryable(), "{free}: {error}");
            Err(error.code())
        }
    };
    part.check().await;
    end
}

#[test]
fn a15_a_start_without_descriptors_fails_cleanly_at_every_step() {
    leak_free(async |guard| {
        let mut failures = 0;
        for free in 0..64 {
            match attempt(guard, free).await {
                Ok(()) => break,
                Err(code) => {
                    let codes = ["HANDSHAKE_SPAWN_RESOURCES", "TRANSPORT_RESOURCES"];
                    assert!(codes.contains(&code), "{free}: {code}");
                    failures += 1;
                }
            }
        }
        assert!((2..64).contains(&failures), "{failures} starts failed");
        attempt(guard, 100).await.unwrap();
    });
}

#[test]
fn k4_calls_do_not_need_descriptors() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let shortage = Shortage::of(0);
        for _ in 0..10 {
            probe(&client).echo(vec![1]).await.unwrap();
        }
        drop(shortage);
        client.shutdown().await.unwrap();
    });
}

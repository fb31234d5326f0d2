//! A host that runs out of descriptors: `docs/faults.md` A15, K4.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use rpcplugin_tests::{
    Mirror, Shortage,
    host::{host, probe, test_plugin},
    leak::{LeakGuard, leak_free},
};

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

#[test]
fn k4_side_channels_without_descriptors_fail_and_work_again_afterwards() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let broker = client.broker();
        let id = probe(&client).serve(()).await.unwrap().into_inner();
        let shortage = Shortage::of(0);
        let serve = broker.serve(Mirror::new()).await;
        let dial = broker.dial(id).await;
        let calls = probe(&client).echo(vec![1]).await;
        drop(shortage);
        calls.unwrap();
        assert_eq!(serve.unwrap_err().code(), "TRANSPORT_RESOURCES");
        assert_eq!(dial.unwrap_err().code(), "TRANSPORT_RESOURCES");
        let served = broker.serve(Mirror::new()).await.unwrap();
        probe(&client).dial(served.id().get()).await.unwrap();
        broker.dial(id).await.unwrap();
        served.close().await;
        client.shutdown().await.unwrap();
    });
}

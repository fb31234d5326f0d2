//! Side channels with hosts that come to a plugin which runs already: `docs/faults.md` I.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use rpcplugin::{Client, Tls};
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rpcplugin_tests::{
    Mirror,
    host::{host, probe},
    leak::leak_free,
    running::{Debugged, Handed},
};

/// The plugin dials what the host serves, and the host what the plugin serves. Returns the numbers.
async fn both_ways(client: &Client) -> (u32, u32) {
    let served = client.broker().serve(Mirror::new()).await.unwrap();
    let answer = probe(client).dial(served.id().get()).await.unwrap();
    assert_eq!(answer.into_inner(), b"over a side channel");
    let theirs = probe(client).serve(()).await.unwrap().into_inner();
    let channel = client.broker().dial(theirs).await.unwrap();
    let answer = ProbeClient::new(channel).echo(b"there and back".to_vec()).await.unwrap();
    assert_eq!(answer.into_inner(), b"there and back");
    let ours = served.id().get();
    served.close().await;
    (ours, theirs)
}

#[test]
fn i8_side_channels_work_in_both_directions_after_the_host_before_was_killed() {
    leak_free(async |guard| {
        for options in [&["offer"][..], &["offer", "plaintext"]] {
            let mut handed = Handed::start(guard, options, None).await;
            handed.kill_host().await;
            let host = match handed.identity.clone() {
                Some(identity) => host(guard).host_identity(identity),
                None => host(guard).tls(Tls::Plaintext),
            };
            let client = host.attach(handed.record.clone()).await.unwrap();
            // Its first number is one that the host before had offered, and nobody had dialled.
            let first = both_ways(&client).await;
            assert_eq!(first.0, 1);
            for _ in 0..3 {
                assert_ne!(both_ways(&client).await, first);
            }
            client.shutdown().await.unwrap();
            // The private directory of the first host goes with the plugin.
            assert_eq!(guard.base().read_dir().unwrap().count(), 0);
            for name in ["record", "identity"] {
                let _ = std::fs::remove_file(guard.scratch().join(name));
            }
        }
    });
}

#[test]
fn i8_numbers_of_one_host_do_not_collide_with_those_of_the_next() {
    leak_free(async |guard| {
        let plugin = Debugged::start(guard).await;
        let host = host(guard).tls(Tls::Plaintext);
        let mut of_the_plugin = Vec::new();
        for _ in 0..3 {
            let client = host.clone().attach(plugin.record.clone()).await.unwrap();
            for _ in 0..2 {
                of_the_plugin.push(both_ways(&client).await.1);
            }
            // Nobody dials these: the next host's numbers begin with the same ones.
            let left = client.broker().serve(Mirror::new()).await.unwrap();
            of_the_plugin.push(probe(&client).serve(()).await.unwrap().into_inner());
            client.shutdown().await.unwrap();
            drop(left);
        }
        let all = of_the_plugin.len();
        of_the_plugin.sort_unstable();
        of_the_plugin.dedup();
        assert_eq!(of_the_plugin.len(), all, "{of_the_plugin:?}");
        plugin.stop().await;
    });
}

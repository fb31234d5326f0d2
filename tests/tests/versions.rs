//! Which application version two sides agree on: F-HAND-4, F-HAND-8, F-HAND-10.

#![cfg(target_os = "linux")]

use rpcplugin::Tls;
use rpcplugin_tests::{
    host::{evil_plugin, host, probe, program, refusal, test_plugin},
    leak::{LeakGuard, leak_free},
};
use tokio::process::Command;

fn plugin(guard: &LeakGuard, versions: &str) -> Command {
    let mut command = test_plugin(guard);
    command.arg(format!("versions={versions}"));
    command
}

#[test]
fn the_highest_version_that_both_know_is_served() {
    leak_free(async |guard| {
        for (ours, theirs, agreed) in [
            (&[0][..], "0", 0),
            (&[0, 2, 7], "1,2,5", 2),
            (&[7, 0], "0,6", 0),
            (&[1, 3], "1,2,3", 3),
            (&[2_147_483_647, 4], "4,2147483647", 2_147_483_647),
        ] {
            let builder = host(guard).versions(ours.iter().copied());
            let client = builder.spawn(plugin(guard, theirs)).await.unwrap();
            assert_eq!(client.version(), agreed, "{ours:?} and {theirs}");
            probe(&client).echo(vec![]).await.unwrap();
            client.shutdown().await.unwrap();
        }
    });
}

#[test]
fn without_a_common_version_both_lists_are_in_the_error() {
    leak_free(async |guard| {
        for (ours, theirs, told) in [(&[0][..], "1,2", "1"), (&[2, 4], "3,5", "3")] {
            let builder = host(guard).versions(ours.iter().copied());
            let error = refusal(builder, plugin(guard, theirs)).await;
            assert_eq!(error.code(), "HANDSHAKE_VERSION_MISMATCH");
            let text = error.to_string();
            assert!(text.contains(told) && text.contains(&format!("{ours:?}")), "{text}");
        }
    });
}

#[test]
fn a_plugin_whose_host_sends_no_list_serves_its_lowest() {
    leak_free(async |guard| {
        let unlisted = |versions: &str| {
            let mut command = guard.command("sh");
            command.args(["-c", r#"unset PLUGIN_PROTOCOL_VERSIONS; exec "$0" "$1""#]);
            command.arg(program("test-plugin")).arg(format!("versions={versions}"));
            command
        };
        let client = host(guard).versions([0, 4]).spawn(unlisted("4,0,2")).await.unwrap();
        assert_eq!(client.version(), 0);
        client.shutdown().await.unwrap();
        let error = refusal(host(guard).versions([4]), unlisted("4,2")).await;
        assert_eq!(error.code(), "HANDSHAKE_VERSION_MISMATCH");
    });
}

#[test]
fn lines_of_five_six_and_seven_fields_are_read() {
    leak_free(async |guard| {
        let builder = host(guard).tls(Tls::Plaintext);
        for end in ["grpc", "grpc|", "grpc||true", "grpc||nonsense|and|more"] {
            let line = format!("1|1|{{network}}|{{address}}|{end}");
            let words = ["listen", "unix", "serve", "grpc", "line", &line, "hang"];
            let client = builder.clone().spawn(evil_plugin(guard, words)).await.unwrap();
            client.ping().await.unwrap();
            client.kill().await;
        }
    });
}

#[test]
fn net_rpc_is_refused_by_name() {
    leak_free(async |guard| {
        for line in ["1|1|unix|/p", "1|1|unix|/p|netrpc", "1|1|tcp|127.0.0.1:1|netrpc|"] {
            let builder = host(guard).tls(Tls::Plaintext);
            let error = refusal(builder, evil_plugin(guard, ["line", line, "hang"])).await;
            assert_eq!(error.code(), "HANDSHAKE_PROTOCOL_UNSUPPORTED", "{line}");
            assert!(error.to_string().contains("netrpc"), "{error}");
        }
    });
}

//! A lost connection, and what is at the plugin's address by then: `docs/faults.md` C14, M4.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    io::{ErrorKind, Read as _},
    os::unix::net::UnixListener,
    path::PathBuf,
    time::Duration,
};

use rpcplugin::{
    Client, Tls, client::ShutdownOutcome, core::Address, transport::error_from_status,
};
use rpcplugin_tests::{
    host::{evil_plugin, host, probe},
    leak::{LeakGuard, leak_free},
};

/// A plugin that hangs up when it is asked for an echo, and where it listens.
async fn start(guard: &LeakGuard, tls: Tls) -> (Client, PathBuf) {
    let (manner, line) = match tls {
        Tls::Plaintext => ("hang-up", "1|{version}|{network}|{address}|grpc|"),
        _ => ("hang-up-tls", "1|{version}|{network}|{address}|grpc|{cert}"),
    };
    let words = ["listen", "unix", "serve", manner, "line", line, "hang"];
    let builder = host(guard).tls(tls).grpc_grace_period(Duration::from_millis(400));
    let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
    let Address::Unix(path) = client.address().clone() else { panic!("it listens on unix") };
    (client, path)
}

/// Makes the plugin hang up.
async fn lose_connection(client: &Client) {
    let status = probe(client).echo(vec![]).await.unwrap_err();
    assert_eq!(error_from_status(&status).code(), "TRANSPORT_DISCONNECTED", "{status:?}");
}

#[test]
fn c14_another_process_at_the_plugins_path_receives_nothing() {
    leak_free(async |guard| {
        for tls in [Tls::Auto, Tls::Plaintext] {
            let (client, path) = start(guard, tls).await;
            std::fs::remove_file(&path).unwrap();
            let usurper = UnixListener::bind(&path).unwrap();
            usurper.set_nonblocking(true).unwrap();
            client.ping().await.expect("the connection is that of the plugin still");
            lose_connection(&client).await;
            let error = client.ping().await.unwrap_err();
            assert_eq!(error.code(), "SECURITY_PEER_CREDENTIALS", "{error}");
            let report = client.shutdown().await.unwrap();
            assert_eq!(report.outcome, ShutdownOutcome::Terminated, "nobody could be asked");
            let mut connections = 0;
            loop {
                match usurper.accept() {
                    Ok((mut stream, _)) => {
                        stream.set_nonblocking(false).unwrap();
                        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "it received a byte");
                        connections += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        break;
                    }
                }
            }
            assert!(connections > 0, "its owner is known only once it is connected to");
        }
    });
}

#[test]
fn m4_a_socket_file_that_is_deleted_is_missed_only_by_a_new_connection() {
    leak_free(async |guard| {
        let (client, path) = start(guard, Tls::Auto).await;
        std::fs::remove_file(&path).unwrap();
        client.ping().await.unwrap();
        lose_connection(&client).await;
        let error = client.ping().await.unwrap_err();
        assert_eq!(error.code(), "TRANSPORT_NOT_FOUND", "{error}");
        assert_eq!(client.shutdown().await.unwrap().outcome, ShutdownOutcome::Terminated);
    });
}

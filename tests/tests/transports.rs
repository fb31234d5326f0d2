//! Which transport and which port a plugin takes: F-TRAN-2, F-TRAN-8.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{net::TcpListener, ops::RangeInclusive};

use rpcplugin::{
    Client,
    core::{Address, Network},
};
use rpcplugin_tests::{
    host::{host, probe, refusal, test_plugin},
    leak::{LeakGuard, leak_free},
};

/// So many ports in a row that were free, below those that the system gives out by itself.
fn free_ports(count: u16) -> RangeInclusive<u16> {
    // Tests of other processes look elsewhere.
    let offset = u16::try_from(std::process::id() % 1000).unwrap() * 10;
    (0..1000)
        .map(|step| 12_000 + (offset + step * 7) % 18_000)
        .map(|first| first..=first + count - 1)
        .find(|ports| ports.clone().all(|port| taken(port).is_some()))
        .expect("there are ports")
}

/// Takes a port, if it is free.
fn taken(port: u16) -> Option<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).ok()
}

async fn start(guard: &LeakGuard, networks: &[Network], ports: RangeInclusive<u16>) -> Client {
    let builder = host(guard).transports(networks.iter().copied()).ports(ports);
    let client = builder.spawn(test_plugin(guard)).await.unwrap();
    probe(&client).echo(vec![1]).await.unwrap();
    client
}

fn port(client: &Client) -> u16 {
    match client.address() {
        Address::Tcp(address) => address.port(),
        other => panic!("it listens at {other}"),
    }
}

#[test]
fn a_transport_that_cannot_be_bound_is_logged_and_the_next_is_taken() {
    leak_free(async |guard| {
        let ports = free_ports(1);
        let port = *ports.start();
        let _occupied = taken(port).unwrap();
        let client = start(guard, &[Network::Tcp, Network::Unix], ports.clone()).await;
        assert!(matches!(client.address(), Address::Unix(_)), "{}", client.address());
        client.clone().shutdown().await.unwrap();
        let words = client.exited().await.stderr.join("\n");
        assert!(words.contains("could not listen") && words.contains(&port.to_string()), "{words}");

        let alone = host(guard).transports([Network::Tcp]).ports(ports);
        let error = refusal(alone, test_plugin(guard)).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED");
        let text = error.to_string();
        assert!(
            text.contains("TRANSPORT_BIND_FAILED") && text.contains(&port.to_string()),
            "{text}"
        );
    });
}

#[test]
fn both_ends_of_a_range_of_ports_are_in_it() {
    leak_free(async |guard| {
        let ports = free_ports(2);
        let (lowest, highest) = (*ports.start(), *ports.end());
        for (occupied, left) in [(lowest, highest), (highest, lowest)] {
            let _occupied = taken(occupied).unwrap();
            let client = start(guard, &[Network::Tcp], ports.clone()).await;
            assert_eq!(port(&client), left);
            client.shutdown().await.unwrap();
        }
    });
}

#[test]
fn ports_are_not_tried_from_the_bottom() {
    leak_free(async |guard| {
        let ports = free_ports(64);
        let mut above = 0;
        for _ in 0..8 {
            let client = start(guard, &[Network::Tcp], ports.clone()).await;
            assert!(ports.contains(&port(&client)));
            above += usize::from(port(&client) > *ports.start());
            client.shutdown().await.unwrap();
        }
        // All eight at the bottom: once in 10^14.
        assert!(above > 0);
    });
}

#[test]
fn without_a_range_the_system_chooses_the_port() {
    leak_free(async |guard| {
        let client = start(guard, &[Network::Tcp], 0..=0).await;
        assert_ne!(port(&client), 0);
        client.shutdown().await.unwrap();
    });
}

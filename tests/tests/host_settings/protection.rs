//! The settings that choose the protection, and those of side channels.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rpcplugin::{
    Tls,
    client::AddressException,
    config::{Setting, Setting::*},
    core::CertificateField,
    tls::{CertInfo, Identity, IdentityParams},
};
use rpcplugin_tests::{
    Mirror, MutePeer,
    host::{evil_plugin, probe, refusal, test_plugin},
};

use crate::{
    old_server::{OldServer, is_too_old},
    papers::Papers,
    ways::{Set, Way, cases},
};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// Asserts that a setting and its companions make this host one of the operator's.
async fn proves(set: &Set<'_>, file: &str, others: &[(Setting, &str)]) {
    let papers = Papers::of(set.guard);
    let others: Vec<_> = others.iter().map(|(one, file)| (*one, papers.path(file))).collect();
    let others: Vec<_> = others.iter().map(|(one, path)| (*one, path.as_str())).collect();
    let host = set.host_with(&papers.path(file), &others);
    let client = papers.connect(set.guard, host).await;
    assert!(matches!(client.tls(), Tls::Custom(_)), "{:?}", set.way);
    let own = CertInfo::of(client.host_certificate().unwrap());
    assert_eq!(own.fingerprint.to_string(), papers.host_fingerprint(), "{:?}", set.way);
}

/// The sockets in a directory and those below it.
fn sockets(directory: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| match path.is_dir() {
        true => sockets(&path),
        false => BTreeSet::from([path]),
    });
    all.collect()
}

cases! {
    // In a layer above, plaintext is taken back; it is never chosen over another's protection.
    insecure_chooses_plaintext: Insecure, "true", async |set| {
        let (value, expected) =
            if set.way.is_over() { ("false", Tls::Auto) } else { ("true", Tls::Plaintext) };
        let client = set.host(value).spawn(test_plugin(set.guard)).await.unwrap();
        assert_eq!(client.tls(), expected, "{:?}", set.way);
        client.kill().await;
    };

    // The same here: nothing is left without it, and the layer above brings it back.
    auto_mtls_off_takes_certificates: AutoMtls, "false", async |set| {
        if set.way.is_over() {
            let client = set.host("true").spawn(test_plugin(set.guard)).await.unwrap();
            assert_eq!(client.tls(), Tls::Auto, "{:?}", set.way);
            client.kill().await;
        } else {
            let error = set.try_config("false", &[]).unwrap_err();
            assert_eq!(error.code(), "SECURITY_TLS_REQUIRED", "{:?}", set.way);
            let papers = Papers::of(set.guard);
            let directory = papers.path("");
            let host = set.host_with("false", &[(MtlsCertDir, &directory)]);
            let client = papers.connect(set.guard, host).await;
            assert!(matches!(client.tls(), Tls::Custom(_)), "{:?}", set.way);
        }
    };

    host_cert_is_shown: HostCert, "/nonexistent", async |set| {
        let others = [(HostKey, "host.key"), (ServerRootCerts, "ca.crt")];
        proves(&set, "host.crt", &others).await;
    };

    host_key_proves_the_certificate: HostKey, "/nonexistent", async |set| {
        let others = [(HostCert, "host.crt"), (ServerRootCerts, "ca.crt")];
        proves(&set, "host.key", &others).await;
    };

    server_root_certs_are_trusted: ServerRootCerts, "/nonexistent", async |set| {
        let others = [(HostCert, "host.crt"), (HostKey, "host.key")];
        proves(&set, "ca.crt", &others).await;
    };

    ca_cert_is_trusted_where_there_are_no_other_roots: CaCert, "/nonexistent", async |set| {
        let others = [(HostCert, "host.crt"), (HostKey, "host.key")];
        proves(&set, "ca.crt", &others).await;
    };

    mtls_cert_dir_holds_all_of_it: MtlsCertDir, "/nonexistent", async |set| {
        proves(&set, "", &[]).await;
    };

    cert_validity_days_are_those_of_the_hosts_certificate: CertValidityDays, "90", async |set| {
        let papers = Papers::of(set.guard);
        papers.forget_host();
        assert_eq!(papers.days_left_with(&set, "60").await, 60, "{:?}", set.way);
    };

    cert_rotation_days_renew_the_hosts_certificate: CertRotationDays, "5", async |set| {
        let papers = Papers::of(set.guard);
        papers.issue_host(10);
        assert_eq!(papers.days_left_with(&set, "8").await, 10, "{:?}", set.way);
        assert_eq!(papers.days_left_with(&set, "20").await, 365, "{:?}", set.way);
    };

    cert_key_type_is_that_of_the_hosts_certificate: CertKeyType, "p256", async |set| {
        let client = set.host("p384").spawn(test_plugin(set.guard)).await.unwrap();
        let certificate = client.host_certificate().unwrap();
        assert_eq!(CertInfo::of(certificate).key_type, "P-384", "{:?}", set.way);
        client.kill().await;
    };

    broker_max_pending_bounds_offers_that_wait: BrokerMaxPending, "1000", async |set| {
        let host = set.host_with("1", &[(BrokerTimeout, "0.5")]);
        let client = host.spawn(test_plugin(set.guard)).await.unwrap();
        let mut probe = probe(&client);
        let mut offered = Vec::new();
        for _ in 0..3 {
            offered.push(probe.serve(()).await.unwrap().into_inner());
        }
        // Offers come in order: with the last one, the two before it have come.
        let mut refused = 0;
        for id in offered.into_iter().rev() {
            refused += usize::from(client.broker().dial(id).await.is_err());
        }
        assert!(refused > 0, "{:?}: all were kept", set.way);
        client.kill().await;
    };

    grpc_max_concurrent_streams_bound_side_channels: GrpcMaxConcurrentStreams, "9", async |set| {
        let host = set.host_with("7", &[(Insecure, "true")]);
        let client = host.spawn(test_plugin(set.guard)).await.unwrap();
        let before = sockets(set.guard.base());
        let served = client.broker().serve(Mirror::new()).await.unwrap();
        let after = sockets(set.guard.base());
        let socket = after.difference(&before).next().unwrap();
        let streams = MutePeer::connect(socket).await.streams(LONG).await;
        assert_eq!(streams, 7, "{:?}", set.way);
        drop(served);
        client.kill().await;
    };

    tls_min_version_shuts_older_servers_out: TlsMinVersion, "1.2", async |set| {
        let papers = Papers::of(set.guard);
        let paths = ["host.crt", "host.key", "ca.crt"].map(|name| papers.path(name));
        let others = [(HostCert, &*paths[0]), (HostKey, &*paths[1]), (ServerRootCerts, &*paths[2])];
        let server = OldServer::start(&papers.server()).await;
        let ends = async |value: &str| {
            let host = set.host_with(value, &others);
            let connecting = host.connect(server.address());
            let end = tokio::time::timeout(LONG, connecting).await;
            is_too_old(&end.unwrap().unwrap_err())
        };
        assert!(ends("1.3").await, "{:?}", set.way);
        if set.way == Way::Environment {
            assert!(!ends("1.2").await, "{:?}", set.way);
        }
        server.stop().await;
    };

    tls_min_version_counts_for_one_time_certificates: TlsMinVersion, "1.2", async |set| {
        let one_time = Identity::generate(&IdentityParams::new()).unwrap();
        let server = OldServer::start(&one_time).await;
        let field = CertificateField::from_der(one_time.certificate().der());
        let line = format!("1|1|tcp|{}|grpc|{field}", server.socket());
        let ends = async |value: &str| {
            let host = set.host(value).allow_address_outside(AddressException::AnyOwner);
            let plugin = evil_plugin(set.guard, ["line", &line, "hang"]);
            is_too_old(&refusal(host, plugin).await)
        };
        assert!(ends("1.3").await, "{:?}", set.way);
        if set.way == Way::Environment {
            assert!(!ends("1.2").await, "{:?}", set.way);
        }
        server.stop().await;
    };
}

//! Hosts that come to a plugin which runs already: `docs/faults.md` I.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rpcplugin::{
    Client, Tls,
    client::{Builder, Identity, ServingStatus, ShutdownOutcome, StdioChunk},
    core::{Address, Error, Reattach},
};
use rpcplugin_tests::{
    Fifo,
    host::{self, exists, gone, probe, signal},
    leak::{LeakGuard, leak_free},
    running::{Debugged, Handed},
};
use rpcplugin_transport::error_from_status;
use rustix::process::Signal;
use tokio::{io::AsyncReadExt as _, net::UnixListener};
use tokio_stream::StreamExt as _;

/// A host that attaches to plugins without TLS.
fn plaintext(guard: &LeakGuard) -> Builder {
    host::host(guard).tls(Tls::Plaintext)
}

/// Why this record is not attached to; within a second.
async fn refusal(builder: Builder, record: &Reattach) -> Error {
    let start = Instant::now();
    let error = match builder.attach(record.clone()).await {
        Ok(client) => panic!("attached: {client:?}"),
        Err(error) => error,
    };
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    error
}

async fn works(client: &Client) {
    let answer = probe(client).echo(b"hello".to_vec()).await.unwrap();
    assert_eq!(answer.into_inner(), b"hello");
}

#[test]
fn a_plugin_in_test_mode_is_left_running_by_every_host() {
    leak_free(async |guard| {
        let plugin = Debugged::start(guard).await;
        let json = plugin.record.to_json("kv").unwrap();
        let host = plaintext(guard).environment([("KV_REATTACH", json)]);
        let client = host.clone().attach_variable("KV_REATTACH", "kv").await.unwrap();
        works(&client).await;
        assert_eq!((client.pid(), client.version()), (plugin.record.pid, 1));
        assert_eq!(client.reattach().unwrap(), plugin.record);
        let stopped = client.shutdown().await.unwrap();
        assert_eq!((stopped.outcome, stopped.status), (ShutdownOutcome::Left, None));

        let client = host.clone().attach(plugin.record.clone()).await.unwrap();
        works(&client).await;
        assert_eq!(client.kill().await.outcome, ShutdownOutcome::Left);
        drop(client);

        // A client that is only dropped lets go in its own time.
        let client = attach_soon(&host, &plugin.record).await;
        works(&client).await;
        drop(client);
        let client = attach_soon(&host, &plugin.record).await;
        works(&client).await;
        client.shutdown().await.unwrap();
        assert!(exists(plugin.record.pid));
        plugin.stop().await;
    });
}

/// Attaches as soon as nobody else holds the plugin.
async fn attach_soon(host: &Builder, record: &Reattach) -> Client {
    let attached = async {
        loop {
            match host.clone().attach(record.clone()).await {
                Ok(client) => break client,
                Err(error) => assert_eq!(error.code(), "TRANSPORT_REATTACH_IN_USE", "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), attached).await.unwrap()
}

#[test]
fn a_plugin_that_is_left_running_has_no_lifetime() {
    leak_free(async |guard| {
        let plugin = Debugged::start(guard).await;
        let host = plaintext(guard).max_lifetime(Duration::from_millis(1));
        let client = host.attach(plugin.record.clone()).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_millis(300), client.exited()).await;
        assert!(ended.is_err(), "{ended:?}");
        works(&client).await;
        assert_eq!(client.shutdown().await.unwrap().outcome, ShutdownOutcome::Left);
        plugin.stop().await;
    });
}

#[test]
fn i1_a_process_that_does_not_own_the_socket_is_refused_and_left_alone() {
    leak_free(async |guard| {
        let plugin = Debugged::start(guard).await;
        let mut bystander = guard.command("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
        let mut record = plugin.record.clone();
        record.test = false;
        record.pid = bystander.id().unwrap();
        // As other hosts write records: with nothing to prove the number by.
        (record.start_time, record.boot_id) = (None, None);
        let error = refusal(plaintext(guard), &record).await;
        assert_eq!(error.code(), "SECURITY_REATTACH_PID_MISMATCH");
        let found = format!("found process {}", plugin.record.pid);
        assert!(error.to_string().ends_with(&found), "{error}");
        assert!(bystander.try_wait().unwrap().is_none(), "nobody is signalled");
        bystander.kill().await.unwrap();
        let client = plaintext(guard).attach(plugin.record.clone()).await.unwrap();
        works(&client).await;
        client.shutdown().await.unwrap();
        plugin.stop().await;
    });
}

#[test]
fn i2_a_record_of_a_process_before_is_out_of_date() {
    leak_free(async |guard| {
        let plugin = Debugged::start(guard).await;
        // As if the process of the record had ended, and its number gone to this one.
        let mut record = plugin.record.clone();
        record.test = false;
        record.start_time = record.start_time.map(|time| time - 1);
        let error = refusal(plaintext(guard), &record).await;
        assert_eq!(error.code(), "SECURITY_REATTACH_STALE");
        record.start_time = plugin.record.start_time;
        record.boot_id = Some("before the power cut".to_owned());
        let error = refusal(plaintext(guard), &record).await;
        assert_eq!(error.code(), "SECURITY_REATTACH_STALE");
        assert!(exists(plugin.record.pid), "nobody is signalled");
        let record = plugin.record.clone();
        plugin.stop().await;
        let error = refusal(plaintext(guard), &record).await;
        assert_eq!(error.code(), "SECURITY_REATTACH_STALE");
        assert!(error.to_string().contains("no process"), "{error}");
    });
}

#[test]
fn i3_a_socket_that_another_process_has_taken_receives_nothing() {
    leak_free(async |guard| {
        let plugin = Debugged::start(guard).await;
        let moved = plugin.socket().with_extension("moved");
        std::fs::rename(plugin.socket(), &moved).unwrap();
        let thief = UnixListener::bind(plugin.socket()).unwrap();
        let error = refusal(plaintext(guard), &plugin.record).await;
        assert_eq!(error.code(), "SECURITY_PEER_CREDENTIALS");
        let (mut caught, _) = thief.accept().await.unwrap();
        let mut bytes = Vec::new();
        caught.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, b"");
        drop((thief, caught));
        std::fs::rename(moved, plugin.socket()).unwrap();
        plugin.stop().await;
    });
}

#[test]
fn c14_d13_a_channel_never_reaches_another_process_at_its_address() {
    leak_free(async |guard| {
        let plugin = Debugged::start(guard).await;
        let client = plaintext(guard).attach(plugin.record.clone()).await.unwrap();
        works(&client).await;
        let moved = plugin.socket().with_extension("moved");
        std::fs::rename(plugin.socket(), &moved).unwrap();
        let thief = UnixListener::bind(plugin.socket()).unwrap();
        // The next call over this connection has to dial anew.
        let (channel, trace) = client.channel().traced();
        let mut traced = rpcplugin_proto::probe::probe_client::ProbeClient::new(channel);
        traced.echo(Vec::new()).await.unwrap();
        trace.cut("a test's cut");
        let status = probe(&client).echo(b"a secret".to_vec()).await.unwrap_err();
        assert_eq!(error_from_status(&status).code(), "SECURITY_PEER_CREDENTIALS", "{status}");
        drop(thief);
        std::fs::rename(moved, plugin.socket()).unwrap();
        // A call may still meet what is left of the thief.
        let back = async {
            while probe(&client).echo(Vec::new()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), back).await.unwrap();
        client.shutdown().await.unwrap();
        plugin.stop().await;
    });
}

#[test]
fn i5_without_certificate_and_identity_nobody_is_dialled() {
    leak_free(async |guard| {
        let path = guard.base().join("listener");
        let listener = UnixListener::bind(&path).unwrap();
        let mut record = Reattach::new(std::process::id(), Address::Unix(path.clone()), 1);
        let host = host::host(guard);
        let needs_tls = async |builder: Builder, record: &Reattach| {
            let error = refusal(builder, record).await;
            assert_eq!(error.code(), "SECURITY_REATTACH_NEEDS_TLS", "{error}");
        };
        let identity = Identity::generate(&Default::default()).unwrap();
        needs_tls(host.clone(), &record).await;
        needs_tls(host.clone().host_identity(identity.clone()), &record).await;
        let field = rpcplugin::core::CertificateField::from_der(identity.certificate().der());
        record.plugin_cert = field;
        needs_tls(host, &record).await;
        let error = refusal(plaintext(guard), &record).await;
        assert_eq!(error.code(), "SECURITY_CERT_UNEXPECTED", "and there is no way down");
        let dialled = futures_util::FutureExt::now_or_never(listener.accept());
        assert!(dialled.is_none(), "nobody connected");
        std::fs::remove_file(path).unwrap();
    });
}

#[test]
fn i6_one_host_at_a_time_holds_a_plugin() {
    leak_free(async |guard| {
        let mut handed = Handed::start(guard, &["plaintext"], None).await;
        let pid = handed.record.pid;
        let error = refusal(plaintext(guard), &handed.record).await;
        assert_eq!(error.code(), "TRANSPORT_REATTACH_IN_USE");
        let holder = format!("process {}", handed.host.id().unwrap());
        assert!(error.to_string().ends_with(&holder), "{error}");
        handed.kill_host().await;
        let first = plaintext(guard).attach(handed.record.clone()).await.unwrap();
        let error = refusal(plaintext(guard), &handed.record).await;
        assert_eq!(error.code(), "TRANSPORT_REATTACH_IN_USE");
        works(&first).await;
        let stopped = first.shutdown().await.unwrap();
        assert_eq!(stopped.outcome, ShutdownOutcome::Graceful);
        gone(pid).await;
        assert_left_nothing(guard);
    });
}

#[test]
fn i6_a_plugin_that_outlives_its_host_is_held_from_its_start() {
    leak_free(async |guard| {
        let host = plaintext(guard).detach();
        let client = host.spawn(host::test_plugin(guard)).await.unwrap();
        // Nobody has asked for a record; this one is written by hand.
        let record = Reattach::new(client.pid(), client.address().clone(), client.version());
        let error = refusal(plaintext(guard), &record).await;
        assert_eq!(error.code(), "TRANSPORT_REATTACH_IN_USE");
        assert!(error.to_string().ends_with(&format!("process {}", std::process::id())), "{error}");
        works(&client).await;
        assert!(client.reattach().is_some());
        let stopped = client.shutdown().await.unwrap();
        assert_eq!(stopped.outcome, ShutdownOutcome::Graceful);
        assert_left_nothing(guard);
    });
}

/// The private directory of the first host goes with the plugin.
fn assert_left_nothing(guard: &LeakGuard) {
    let left: Vec<_> = std::fs::read_dir(guard.base()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    for name in ["record", "identity"] {
        let _ = std::fs::remove_file(guard.scratch().join(name));
    }
}

#[test]
fn i7_the_exit_of_an_attached_plugin_is_noticed_when_it_happens() {
    leak_free(async |guard| {
        // More than once, as a look every so often may happen to be fast.
        for _ in 0..3 {
            let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
            let mut handed = Handed::start(guard, &[], Some(&reports)).await;
            handed.kill_host().await;
            let host = host::host(guard).host_identity(handed.identity.clone().unwrap());
            let client = host.attach(handed.record.clone()).await.unwrap();
            let mut sleeper = probe(&client);
            let call = tokio::spawn(async move { sleeper.sleep(600_000).await });
            assert_eq!(reports.line().await.unwrap(), "sleep started");
            signal(client.pid(), Signal::KILL);
            // However long a busy machine takes to kill.
            gone(client.pid()).await;
            let exited = tokio::time::timeout(Duration::from_millis(100), client.exited()).await;
            let report = exited.expect("within 100 ms");
            assert_eq!(report.pid, Some(handed.record.pid));
            assert!(report.peak.memory > Some(0) && report.peak.cpu_time.is_some());
            let status = call.await.unwrap().unwrap_err();
            assert_eq!(error_from_status(&status).code(), "TRANSPORT_PLUGIN_GONE");
            assert_eq!(client.shutdown().await.unwrap_err().code(), "TRANSPORT_PLUGIN_GONE");
            assert_left_nothing(guard);
            std::fs::remove_file(reports.path()).unwrap();
        }
    });
}

#[test]
fn i8_streams_are_opened_anew() {
    leak_free(async |guard| {
        let mut handed = Handed::start(guard, &[], None).await;
        handed.kill_host().await;
        let host = host::host(guard).host_identity(handed.identity.clone().unwrap());
        let client = host.attach(handed.record.clone()).await.unwrap();
        let mut health = client.watch_health("plugin");
        assert_eq!(health.next().await, Some(ServingStatus::Serving));
        let mut stdio = client.stdio();
        probe(&client).print("printed for the second host".to_owned()).await.unwrap();
        let printed = async {
            let mut all = Vec::new();
            while !all.ends_with(b"second host") {
                let StdioChunk { data, .. } = stdio.next().await.unwrap();
                all.extend_from_slice(&data);
            }
        };
        tokio::time::timeout(Duration::from_secs(10), printed).await.unwrap();
        client.shutdown().await.unwrap();
        assert_left_nothing(guard);
    });
}

#[test]
fn i9_j6_another_host_goes_on_with_the_plugin_of_one_that_was_killed() {
    leak_free(async |guard| {
        for options in [&["sleep"][..], &["sleep", "plaintext"]] {
            let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
            let mut handed = Handed::start(guard, options, Some(&reports)).await;
            assert_eq!(reports.line().await.unwrap(), "sleep started");
            handed.kill_host().await;
            assert_eq!(reports.line().await.unwrap(), "sleep cancelled");
            let host = match handed.identity.clone() {
                Some(identity) => host::host(guard).host_identity(identity),
                None => plaintext(guard),
            };
            let client = host.attach(handed.record.clone()).await.unwrap();
            works(&client).await;
            assert_eq!(client.pid(), handed.record.pid);
            assert!(client.uptime() < Duration::from_secs(60), "{:?}", client.uptime());
            assert_eq!(client.reattach().unwrap(), handed.record);
            let stopped = client.shutdown().await.unwrap();
            assert_eq!(stopped.outcome, ShutdownOutcome::Graceful);
            assert!(!exists(handed.record.pid));
            assert_left_nothing(guard);
            std::fs::remove_file(reports.path()).unwrap();
        }
    });
}

#[test]
fn an_attached_plugin_is_this_hosts_to_end() {
    leak_free(async |guard| {
        let mut handed = Handed::start(guard, &["plaintext"], None).await;
        handed.kill_host().await;
        let client = plaintext(guard).attach(handed.record.clone()).await.unwrap();
        assert_eq!(client.kill().await.outcome, ShutdownOutcome::Killed);
        gone(handed.record.pid).await;
        assert_left_nothing(guard);

        let mut handed = Handed::start(guard, &["plaintext"], None).await;
        handed.kill_host().await;
        drop(plaintext(guard).attach(handed.record.clone()).await.unwrap());
        gone(handed.record.pid).await;
        emptied(guard.base()).await;
    });
}

async fn emptied(directory: &Path) {
    let emptied = async {
        while std::fs::read_dir(directory).unwrap().next().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), emptied).await.unwrap();
}

#[test]
fn an_address_is_connected_to_and_left() {
    leak_free(async |guard| {
        let far = Address::Tcp(([192, 0, 2, 1], 9).into());
        for builder in [plaintext(guard), host::host(guard)] {
            let error = builder.connect(far.clone()).await.unwrap_err();
            assert_eq!(error.code(), "SECURITY_TLS_REQUIRED");
        }
        let plugin = Debugged::start(guard).await;
        let address = plugin.record.address.clone();
        let error = host::host(guard).connect(address.clone()).await.unwrap_err();
        assert_eq!(error.code(), "SECURITY_TLS_REQUIRED", "there is nothing to pin");
        let client = plaintext(guard).connect(address).await.unwrap();
        works(&client).await;
        assert_eq!((client.pid(), client.reattach()), (0, None));
        assert_eq!(client.shutdown().await.unwrap().outcome, ShutdownOutcome::Left);
        assert!(exists(plugin.record.pid));
        plugin.stop().await;
    });
}

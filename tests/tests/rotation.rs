//! Certificates that an operator rotates on disk, under calls from old and new connections.
//!
//! `ROTATION_SECONDS=60`, as `cargo xtask rotation` sets it, keeps the rotations coming for that
//! long, and for a hundred at least.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    collections::HashSet,
    net::SocketAddr,
    process::Stdio,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rpcplugin::{
    Client, Tls,
    core::Address,
    tls::{
        AuthorityParams, CertAuthority, CertDirectory, CertEvent, CertManager, CustomTls,
        Fingerprint, IdentityParams,
    },
};
use rpcplugin_proto::kv::{GetRequest, PutRequest};
use rpcplugin_tests::{
    host::{host, kv, probe, program, signal},
    leak::{LeakGuard, leak_free},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout},
    sync::{broadcast::Receiver, mpsc},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;

const PATIENCE: Duration = Duration::from_secs(60);

/// At least so many rotations.
const LONG: usize = 100;

/// Unless it is for long.
const SHORT: usize = 10;

/// A server that follows the files, and what it tells of them.
struct Server {
    child: Child,
    address: Address,
    told: Lines<BufReader<ChildStdout>>,
    heard: HashSet<String>,
}

impl Server {
    async fn start(guard: &LeakGuard, directory: &CertDirectory) -> Self {
        let mut command = guard.command(program("test-plugin"));
        command.arg(format!("rotating={}", directory.path().display()));
        command.env("TMPDIR", guard.base()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = told.next_line().await.unwrap().unwrap();
        Self {
            child,
            address: Address::Tcp(address.parse::<SocketAddr>().unwrap()),
            told,
            heard: HashSet::new(),
        }
    }

    /// Waits for this line, unless it came while another was waited for.
    async fn tells(&mut self, expected: &str) {
        let wait = async {
            while !self.heard.contains(expected) {
                let line = self.told.next_line().await.unwrap().expect("the server is there");
                self.heard.insert(line);
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("not told: {expected}"));
    }

    async fn stop(mut self) {
        signal(self.child.id().unwrap(), Signal::TERM);
        assert!(timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap().success());
    }
}

/// The host's side of the files.
struct Host {
    manager: CertManager,
    events: Receiver<CertEvent>,
    overlap_ended: bool,
}

impl Host {
    async fn start(directory: &CertDirectory) -> Self {
        let builder = directory.manage_host().poll(Duration::from_millis(20));
        let manager = builder.overlap(Duration::from_secs(1)).start().await.unwrap();
        let events = manager.subscribe();
        Self { manager, events, overlap_ended: false }
    }

    async fn reloads(&mut self, expected: Fingerprint) {
        let wait = async {
            loop {
                match self.events.recv().await.unwrap() {
                    CertEvent::Reloaded { fingerprint, .. } if fingerprint == expected => return,
                    CertEvent::OverlapEnded => self.overlap_ended = true,
                    _ => {}
                }
            }
        };
        timeout(PATIENCE, wait).await.expect("the host has the new certificate");
    }

    async fn overlap_ends(&mut self) {
        let wait = async {
            while !self.overlap_ended {
                let event = self.events.recv().await.unwrap();
                self.overlap_ended = matches!(event, CertEvent::OverlapEnded);
            }
        };
        timeout(PATIENCE, wait).await.expect("the overlap ends");
    }
}

/// Gives both sides new certificates of this authority, and waits until both have them.
async fn rotate(
    directory: &CertDirectory,
    authority: &CertAuthority,
    host: &mut Host,
    server: &mut Server,
) -> [Fingerprint; 2] {
    let [hosts, servers] = ["host", "server"]
        .map(|name| authority.issue(&IdentityParams::issued(name).validity_days(2)).unwrap());
    directory.save_host(&hosts).unwrap();
    directory.save_server(&servers).unwrap();
    let fingerprints = [hosts, servers].map(|identity| identity.certificate().fingerprint());
    host.reloads(fingerprints[0]).await;
    server.tells(&format!("reloaded {}", fingerprints[1])).await;
    fingerprints
}

async fn connect(guard: &LeakGuard, server: &Server, tls: &CustomTls) -> Client {
    host(guard).tls(Tls::Custom(tls.clone())).connect(server.address.clone()).await.unwrap()
}

/// Calls on one connection, one after the other, until told to stop.
async fn call_on(client: &Client, stop: &AtomicBool, calls: &AtomicU64) {
    let mut kv = kv(client);
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let value = number.to_le_bytes().to_vec();
        kv.put(PutRequest { key: "number".into(), value: value.clone() }).await.unwrap();
        let found = kv.get(GetRequest { key: "number".into() }).await.unwrap().into_inner();
        assert_eq!(found.value, value);
        calls.fetch_add(2, Ordering::Relaxed);
        number += 1;
    }
}

/// How many rotations, and for how long, at least.
fn least() -> (usize, Duration) {
    match std::env::var("ROTATION_SECONDS") {
        Ok(seconds) => (LONG, Duration::from_secs(seconds.parse().unwrap())),
        Err(_) => (SHORT, Duration::ZERO),
    }
}

#[test]
fn m2_rotations_fail_no_call_and_every_new_connection_has_the_new_certificate() {
    leak_free(async |guard| {
        let directory = CertDirectory::new(guard.scratch().join("pki")).unwrap();
        let authority = CertAuthority::create(&AuthorityParams::new("the root")).unwrap();
        directory.save_authority(&authority).unwrap();
        for save in [CertDirectory::save_host, CertDirectory::save_server] {
            save(&directory, &authority.issue(&IdentityParams::issued("first")).unwrap()).unwrap();
        }
        let mut server = Server::start(guard, &directory).await;
        let mut hosts = Host::start(&directory).await;
        let tls = CustomTls::managed(&hosts.manager);

        let long_lived = connect(guard, &server, &tls).await;
        let (say, said) = mpsc::channel(1);
        let chat = probe(&long_lived).chat(ReceiverStream::new(said)).await.unwrap();
        let mut chat = chat.into_inner();
        let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
        let (begin, (count, time)) = (Instant::now(), least());
        let mut seen = HashSet::new();
        let rotating = async {
            while seen.len() < count || begin.elapsed() < time {
                let [ours, theirs] = rotate(&directory, &authority, &mut hosts, &mut server).await;
                let fresh = connect(guard, &server, &tls).await;
                assert_eq!(fresh.host_certificate().unwrap().fingerprint(), ours);
                assert_eq!(fresh.tls_info().unwrap().peer, Some(theirs));
                assert!(seen.insert(theirs));
                let put = PutRequest { key: "fresh".into(), value: Vec::new() };
                kv(&fresh).put(put).await.unwrap();
                calls.fetch_add(1, Ordering::Relaxed);
                fresh.shutdown().await.unwrap();
                // The stream that began under the first certificates.
                say.send(vec![1_u8]).await.unwrap();
                assert_eq!(chat.message().await.unwrap(), Some(vec![1_u8]));
            }
            stop.store(true, Ordering::Relaxed);
        };
        tokio::join!(rotating, call_on(&long_lived, &stop, &calls));
        // Anything that fails ends the test.
        eprintln!(
            "COUNTED: {rotations} rotations of both sides in {:.1?}, {rotations} connections with \
             the new certificates, {} calls and {rotations} messages of a stream, 0 failed",
            begin.elapsed(),
            calls.load(Ordering::Relaxed),
            rotations = seen.len(),
        );
        drop((say, chat));
        long_lived.shutdown().await.unwrap();
        server.stop().await;
        drop(hosts);
    });
}

#[test]
fn m2_the_old_authority_is_refused_when_the_overlap_has_ended() {
    leak_free(async |guard| {
        let directory = CertDirectory::new(guard.scratch().join("pki")).unwrap();
        let [old, new] = ["the old root", "the new root"]
            .map(|name| CertAuthority::create(&AuthorityParams::new(name)).unwrap());
        directory.save_authority(&old).unwrap();
        for save in [CertDirectory::save_host, CertDirectory::save_server] {
            save(&directory, &old.issue(&IdentityParams::issued("first")).unwrap()).unwrap();
        }
        let mut server = Server::start(guard, &directory).await;
        let mut hosts = Host::start(&directory).await;
        let managed = CustomTls::managed(&hosts.manager);
        let both = old.roots().unwrap().and(&new.roots().unwrap());
        let laggard = CustomTls::new(old.issue(&IdentityParams::issued("laggard")).unwrap(), both);
        let long_lived = connect(guard, &server, &managed).await;
        connect(guard, &server, &laggard).await.shutdown().await.unwrap();

        directory.save_authority(&new).unwrap();
        let [_, theirs] = rotate(&directory, &new, &mut hosts, &mut server).await;
        tokio::join!(hosts.overlap_ends(), server.tells("overlap ended"));

        let fresh = connect(guard, &server, &managed).await;
        assert_eq!(fresh.tls_info().unwrap().peer, Some(theirs));
        let refused = host(guard).tls(Tls::Custom(laggard)).connect(server.address.clone()).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), "SECURITY_CLIENT_REFUSED", "{refused}");
        assert!(refused.to_string().contains("issuer"), "{refused}");
        eprintln!("COUNTED: 1 certificate outside the overlap window, refused");
        // The connection from before all this is as good as ever.
        for client in [long_lived, fresh] {
            let put = PutRequest { key: "k".into(), value: Vec::new() };
            kv(&client).put(put).await.unwrap();
            client.shutdown().await.unwrap();
        }
        server.stop().await;
        drop(hosts);
    });
}

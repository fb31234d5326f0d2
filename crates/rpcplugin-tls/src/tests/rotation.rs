//! Certificates that change while connections come and go.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::broadcast::{Receiver, error::RecvError},
};

use super::peers::meet;
use crate::{
    AuthorityParams, CertAuthority, CertDirectory, CertEvent, CertManager, Certificate, ClientTls,
    CustomTls, IdentityParams, ServerTls, TlsAcceptor, TlsLayer,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn authority(name: &str) -> CertAuthority {
    CertAuthority::create(&AuthorityParams::new(name)).unwrap()
}

fn side(authority: &CertAuthority) -> CustomTls {
    CustomTls::new(
        authority.issue(&IdentityParams::issued("peer")).unwrap(),
        authority.roots().unwrap(),
    )
}

fn layer(tls: &CustomTls) -> TlsLayer {
    TlsLayer::new(ClientTls::custom(tls).unwrap())
}

fn acceptor(tls: &CustomTls) -> TlsAcceptor {
    TlsAcceptor::new(ServerTls::custom(tls).unwrap())
}

fn presented(manager: &CertManager) -> Certificate {
    manager.identity().certificate().clone()
}

async fn next(events: &mut Receiver<CertEvent>) -> CertEvent {
    let limit = Duration::from_secs(3600 * 24);
    tokio::time::timeout(limit, events.recv()).await.expect("an event").unwrap()
}

#[tokio::test]
async fn new_connections_present_the_new_certificate_and_old_ones_live_on() {
    let root = authority("root");
    let params = IdentityParams::issued("kv");
    let host = CertManager::issuing(root.clone(), params.clone()).start().await.unwrap();
    let plugin = CertManager::issuing(root, params).start().await.unwrap();
    let (host_tls, plugin_tls) = (CustomTls::managed(&host), CustomTls::managed(&plugin));
    let (layer, acceptor) = (layer(&host_tls), acceptor(&plugin_tls));
    let mut events = host.subscribe();
    let (client, server) = meet(&layer, &acceptor).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    let mut seen = std::collections::HashSet::from([presented(&host).fingerprint()]);
    for _ in 0..100 {
        let (one, other) = tokio::join!(host.renew(), plugin.renew());
        one.unwrap();
        other.unwrap();
        let CertEvent::Renewed { fingerprint, .. } = next(&mut events).await else { panic!() };
        assert!(seen.insert(fingerprint));
        assert_eq!(host_tls.identity().certificate().fingerprint(), fingerprint);
        let (fresh, accepted) = meet(&layer, &acceptor).await;
        let (fresh, accepted) = (fresh.unwrap(), accepted.unwrap());
        assert_eq!(fresh.info().peer, Some(presented(&plugin).fingerprint()));
        assert_eq!(accepted.info().peer, Some(fingerprint));
        client.write_all(b"?").await.unwrap();
        server.read_exact(&mut [0]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_renewed_when_its_days_run_out() {
    let day = Arc::new(AtomicU64::new(0));
    let clock = day.clone();
    let start = SystemTime::now();
    let manager = CertManager::issuing(authority("root"), IdentityParams::issued("kv"))
        .rotation_days(30)
        .clock(move || start + clock.load(Ordering::SeqCst) as u32 * DAY)
        .start()
        .await
        .unwrap();
    let mut events = manager.subscribe();
    let first = presented(&manager);
    day.store(334, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(presented(&manager), first);
    day.store(336, Ordering::SeqCst);
    assert!(matches!(next(&mut events).await, CertEvent::Renewed { .. }));
    assert_ne!(presented(&manager), first);
    assert!(manager.info().not_after > start + (336 + 364) * DAY);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(events.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_renewed_at_every_interval() {
    let manager = CertManager::issuing(authority("root"), IdentityParams::issued("kv"))
        .interval(Duration::from_secs(600))
        .start()
        .await
        .unwrap();
    let mut events = manager.subscribe();
    let start = tokio::time::Instant::now();
    for turn in 1..=3 {
        assert!(matches!(next(&mut events).await, CertEvent::Renewed { .. }));
        let passed = start.elapsed().as_secs();
        assert!((turn * 600..turn * 600 + 5).contains(&passed), "{passed}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_ends_soon_is_told_of_and_not_asked_for_ever() {
    let params = AuthorityParams::new("old").validity_days(1);
    let authority = CertAuthority::create(&params).unwrap();
    let now = SystemTime::now() + Duration::from_secs(23 * 3600);
    let manager = CertManager::issuing(authority, IdentityParams::issued("kv"))
        .clock(move || now)
        .start()
        .await
        .unwrap();
    let mut events = manager.subscribe();
    let CertEvent::ExpiringSoon { left } = next(&mut events).await else { panic!() };
    assert!(left <= Duration::from_secs(3600), "{left:?}");
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert!(events.is_empty());
}

#[tokio::test(start_paused = true)]
async fn both_authorities_are_trusted_during_the_overlap_and_the_old_one_not_after_it() {
    let (old, new) = (authority("old"), authority("new"));
    let (before, after) = (side(&old), side(&new));
    let manager = CertManager::issuing(old.clone(), IdentityParams::issued("kv"))
        .overlap(Duration::from_secs(60))
        .start()
        .await
        .unwrap();
    let tls = CustomTls::managed(&manager);
    let mut events = manager.subscribe();
    let accepts = async |peer: &CustomTls| meet(&layer(peer), &acceptor(&tls)).await.1.is_ok();
    assert!(accepts(&before).await && !accepts(&after).await);
    manager.replace_authority(new.clone()).await.unwrap();
    // The certificate is the new authority's at once; a peer that trusts both sees so.
    let both = CustomTls::new(
        old.issue(&IdentityParams::issued("both")).unwrap(),
        old.roots().unwrap().and(&new.roots().unwrap()),
    );
    assert!(accepts(&both).await && accepts(&after).await);
    assert!(matches!(next(&mut events).await, CertEvent::Renewed { .. }));
    assert!(matches!(next(&mut events).await, CertEvent::OverlapEnded));
    assert!(!accepts(&both).await && accepts(&after).await);
    let told = meet(&layer(&both), &acceptor(&tls)).await.1.unwrap_err();
    assert_eq!(told.code(), "SECURITY_CLIENT_REFUSED");
}

#[tokio::test(start_paused = true)]
async fn m2_files_that_change_are_used_and_broken_ones_leave_the_last_good_ones() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = CertDirectory::new(temporary.path().join("pki")).unwrap();
    let root = authority("root");
    directory.save_authority(&root).unwrap();
    let issue = || root.issue(&IdentityParams::issued("kv-plugin")).unwrap();
    directory.save_server(&issue()).unwrap();
    let manager = directory.manage_server().start().await.unwrap();
    let mut events = manager.subscribe();
    let mut present = presented(&manager);
    for _ in 0..3 {
        let next_one = issue();
        directory.save_server(&next_one).unwrap();
        let CertEvent::Reloaded { fingerprint, .. } = next(&mut events).await else { panic!() };
        present = next_one.certificate().clone();
        assert_eq!((fingerprint, presented(&manager)), (present.fingerprint(), present.clone()));
    }
    std::fs::write(directory.path().join("server.crt"), "no certificate").unwrap();
    let CertEvent::Failed { error } = next(&mut events).await else { panic!() };
    assert_eq!(error.code(), "SECURITY_ROTATION_FAILED");
    assert!(error.is_retryable() && error.to_string().contains("server.crt"), "{error}");
    assert_eq!(manager.renew().await.unwrap_err().code(), "SECURITY_ROTATION_FAILED");
    assert!(matches!(next(&mut events).await, CertEvent::Failed { .. }));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(events.is_empty(), "it is told once");
    assert_eq!(presented(&manager), present);
    assert!(manager.replace_authority(authority("other")).await.is_err());
    assert!(matches!(next(&mut events).await, CertEvent::Failed { .. }));
    directory.save_server(&issue()).unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::Reloaded { .. }));
}

#[tokio::test]
async fn the_task_ends_with_the_last_handle_and_connections_go_on() {
    let root = authority("root");
    let peer = side(&root);
    let manager = CertManager::issuing(root, IdentityParams::issued("kv")).start().await.unwrap();
    let tls = CustomTls::managed(&manager);
    let mut events = manager.subscribe();
    drop(manager.clone());
    manager.renew().await.unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::Renewed { .. }));
    drop(manager);
    assert!(matches!(events.recv().await, Err(RecvError::Closed)));
    meet(&layer(&peer), &acceptor(&tls)).await.1.unwrap();
}

//! What a manager does beside its own certificates: revocation lists, renewals in a directory.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};

use super::{peers::meet, revoking::Revoking};
use crate::{
    AuthorityParams, CertAuthority, CertDirectory, CertEvent, CertInfo, CertManager, CertRole,
    ClientTls, CustomTls, DAY, Identity, IdentityParams, ServerTls, TlsAcceptor, TlsLayer,
};

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn next(events: &mut Receiver<CertEvent>) -> CertEvent {
    let limit = 400 * DAY;
    tokio::time::timeout(limit, events.recv()).await.expect("an event").unwrap()
}

/// What a plugin with these certificates makes of a host with those.
async fn judged(plugin: &CustomTls, host: &CustomTls) -> Result<(), String> {
    let layer = TlsLayer::new(ClientTls::custom(host).unwrap());
    let acceptor = TlsAcceptor::new(ServerTls::custom(plugin).unwrap());
    let (_, server) = meet(&layer, &acceptor).await;
    server.map(drop).map_err(|error| error.to_string())
}

/// The time of day by tokio's clock, which tests move.
fn ticking() -> impl Fn() -> SystemTime + Send + Sync + 'static {
    let (start, since) = (SystemTime::now(), Instant::now());
    move || start + since.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_list_of_revoked_certificates_is_followed_while_connections_come() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("crl.pem");
    let revoking = Revoking::new("root");
    let root = &revoking.authority;
    let [own, peer] = ["plugin", "host"].map(|name| {
        let params = IdentityParams::issued(name).validity_days(3000);
        root.issue(&params).unwrap()
    });
    let far = rcgen::date_time_ymd(4000, 1, 1);
    fs::write(&file, revoking.pem(&[], far)).unwrap();
    let manager = CertManager::files(
        own.chain_pem().as_str(),
        own.to_secret_pem().expose(),
        root.chain_pem().as_str(),
    )
    .crls(file.as_path())
    .poll(HOUR)
    .clock(ticking())
    .start()
    .await
    .unwrap();
    let mut events = manager.subscribe();
    let plugin = CustomTls::managed(&manager);
    let host = CustomTls::new(peer.clone(), root.roots().unwrap());
    judged(&plugin, &host).await.unwrap();

    fs::write(&file, revoking.pem(&[&peer], far)).unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::ListsReplaced));
    let told = judged(&plugin, &host).await.unwrap_err();
    assert!(told.contains("Revoked"), "{told}");

    // What is no list leaves the last good one, and is told once.
    fs::write(&file, "no list").unwrap();
    let CertEvent::Failed { error } = next(&mut events).await else { panic!() };
    assert!(error.to_string().contains("crl.pem"), "{error}");
    assert!(judged(&plugin, &host).await.is_err());
    tokio::time::sleep(10 * HOUR).await;
    assert!(events.is_empty(), "it is told once");

    // One that is good until tomorrow counts, and tells when it counts no more.
    let tomorrow = time::OffsetDateTime::now_utc() + DAY;
    fs::write(&file, revoking.pem(&[], tomorrow)).unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::ListsReplaced));
    judged(&plugin, &host).await.unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::ListsRanOut));
    tokio::time::sleep(10 * HOUR).await;
    assert!(events.is_empty(), "it is told once");
    assert_eq!(manager.identity().certificate(), own.certificate());
}

#[tokio::test]
async fn lists_of_the_program_and_of_the_manager_both_count() {
    let revoking = Revoking::new("root");
    let root = &revoking.authority;
    let issue = |name| root.issue(&IdentityParams::issued(name)).unwrap();
    let [own, one, other] = ["plugin", "one", "other"].map(issue);
    let far = rcgen::date_time_ymd(4000, 1, 1);
    let manager = CertManager::files(
        own.chain_pem().as_str(),
        own.to_secret_pem().expose(),
        root.chain_pem().as_str(),
    )
    .crls(revoking.pem(&[&one], far).as_str())
    .start_blocking()
    .unwrap();
    let host = |peer: &Identity| CustomTls::new(peer.clone(), root.roots().unwrap());
    let plugin = CustomTls::managed(&manager);
    assert!(judged(&plugin, &host(&one)).await.is_err());
    judged(&plugin, &host(&other)).await.unwrap();
    let plugin = plugin.crls(revoking.list(&[&other], far));
    assert!(judged(&plugin, &host(&other)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_directory_with_its_authority_is_renewed_before_the_end() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = CertDirectory::new(temporary.path().join("pki")).unwrap();
    let root = CertAuthority::create(&AuthorityParams::new("root")).unwrap();
    directory.save_authority(&root).unwrap();
    let params = IdentityParams::issued("kv").validity_days(60);
    let first = directory.issue_missing(CertRole::Server, &params).unwrap().unwrap();
    assert!(directory.issue_missing(CertRole::Server, &params).unwrap().is_none());
    let clock = std::sync::Arc::new(ticking());
    let start = || {
        let tell = clock.clone();
        directory
            .manage_server()
            .renewed_in(&directory, CertRole::Server, 60)
            .poll(HOUR)
            .clock(move || tell())
            .start()
    };
    // Two processes on one directory.
    let (manager, other) = (start().await.unwrap(), start().await.unwrap());
    let (mut events, mut others) = (manager.subscribe(), other.subscribe());
    let mut present = first;
    for _ in 0..2 {
        let CertEvent::Reloaded { fingerprint, .. } = next(&mut events).await else { panic!() };
        let CertEvent::Reloaded { fingerprint: seen, .. } = next(&mut others).await else {
            panic!()
        };
        assert_eq!(seen, fingerprint, "one renewed it, and the other saw it");
        let left = CertInfo::of(present.certificate()).time_left(clock()).unwrap();
        assert!(left > 29 * DAY && left <= 30 * DAY, "{left:?}");
        present = manager.identity();
        assert_eq!(present.certificate().fingerprint(), fingerprint);
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_what_is_there_and_is_tried_again_later() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = CertDirectory::new(temporary.path().join("pki")).unwrap();
    let root = CertAuthority::create(&AuthorityParams::new("root")).unwrap();
    directory.save_authority(&root).unwrap();
    let params = IdentityParams::issued("kv").validity_days(10);
    let first = directory.issue_missing(CertRole::Server, &params).unwrap().unwrap();
    fs::write(directory.authority_key_file(), "no key").unwrap();
    let (start, since) = (SystemTime::now() + 9 * DAY, Instant::now());
    let manager = directory
        .manage_server()
        .renewed_in(&directory, CertRole::Server, 10)
        .clock(move || start + since.elapsed())
        .start()
        .await
        .unwrap();
    let mut events = manager.subscribe();
    let CertEvent::Failed { error } = next(&mut events).await else { panic!() };
    assert!(error.to_string().contains("ca.crt"), "{error}");
    assert_eq!(manager.identity().certificate(), first.certificate());
    assert!(matches!(next(&mut events).await, CertEvent::ExpiringSoon { .. }));
    directory.save_authority(&root).unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::Reloaded { .. }));
    assert!(since.elapsed() >= Duration::from_secs(60));
}

#[tokio::test]
async fn who_follows_a_manager_keeps_it_at_work() {
    let root = CertAuthority::create(&AuthorityParams::new("root")).unwrap();
    let manager = CertManager::issuing(root, IdentityParams::issued("kv")).start().await.unwrap();
    let mut events = manager.subscribe();
    let tls = CustomTls::following(manager);
    let before = tls.identity();
    tls.manager().unwrap().renew().await.unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::Renewed { .. }));
    assert_ne!(tls.identity().certificate(), before.certificate());
    drop(tls);
    assert!(matches!(events.recv().await, Err(RecvError::Closed)));
}

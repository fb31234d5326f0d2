//! What a manager does when certificates are short, bad, or not to be had.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::{sync::broadcast::Receiver, time::Instant};

use crate::{
    AuthorityParams, CertAuthority, CertDirectory, CertEvent, CertInfo, CertManager, Identity,
    IdentityParams,
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn authority(name: &str) -> CertAuthority {
    CertAuthority::create(&AuthorityParams::new(name)).unwrap()
}

/// The time of day by tokio's clock, which tests move.
fn ticking() -> impl Fn() -> SystemTime + Send + Sync + 'static {
    let (start, since) = (SystemTime::now(), Instant::now());
    move || start + since.elapsed()
}

async fn next(events: &mut Receiver<CertEvent>) -> CertEvent {
    let limit = Duration::from_secs(3600 * 24 * 400);
    tokio::time::timeout(limit, events.recv()).await.expect("an event").unwrap()
}

#[tokio::test(start_paused = true)]
async fn certificates_of_an_hour_are_renewed_again_and_again() {
    let params = IdentityParams::issued("kv").lifetime(HOUR);
    let manager =
        CertManager::issuing(authority("root"), params).clock(ticking()).start().await.unwrap();
    let mut events = manager.subscribe();
    let start = Instant::now();
    for turn in 1..=10 {
        assert!(matches!(next(&mut events).await, CertEvent::Renewed { .. }));
        // Each in the last third of the one before.
        let minutes = start.elapsed().as_secs() / 60;
        assert!((turn * 40 - 1..turn * 40 + 20).contains(&minutes), "{turn}: {minutes}");
    }
}

#[tokio::test(start_paused = true)]
async fn certificates_shorter_than_a_poll_are_renewed_in_time() {
    let params = IdentityParams::issued("kv").lifetime(Duration::from_secs(30));
    let clock = Arc::new(ticking());
    let tell = clock.clone();
    let manager = CertManager::issuing(authority("root"), params)
        .clock(move || tell())
        .poll(HOUR)
        .start()
        .await
        .unwrap();
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(manager.info().is_valid_at(clock()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_of_60_days_is_renewed_with_30_left() {
    let params = IdentityParams::issued("kv").validity_days(60);
    let manager = CertManager::issuing(authority("root"), params)
        .rotation_days(30)
        .clock(ticking())
        .poll(HOUR)
        .start()
        .await
        .unwrap();
    let mut events = manager.subscribe();
    let start = Instant::now();
    assert!(matches!(next(&mut events).await, CertEvent::Renewed { .. }));
    let hours = start.elapsed().as_secs() / 3600;
    assert!((30 * 24 - 2..30 * 24 + 2).contains(&hours), "{hours}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_tried_once_in_a_poll() {
    let looked = Arc::new(AtomicU64::new(0));
    let (count, tell) = (looked.clone(), ticking());
    // It expires after a day, and nothing can be renewed then.
    let params = AuthorityParams::new("short").validity_days(1);
    let manager =
        CertManager::issuing(CertAuthority::create(&params).unwrap(), IdentityParams::issued("kv"))
            .interval(Duration::from_secs(600))
            .clock(move || {
                count.fetch_add(1, Ordering::SeqCst);
                tell()
            })
            .start()
            .await
            .unwrap();
    let mut events = manager.subscribe();
    while !matches!(next(&mut events).await, CertEvent::Failed { .. }) {}
    let before = looked.load(Ordering::SeqCst);
    tokio::time::sleep(HOUR / 6).await;
    // A few questions for the date in each of ten looks.
    let looks = looked.load(Ordering::SeqCst) - before;
    assert!((10..10 * 12).contains(&looks), "{looks}");
}

#[tokio::test(start_paused = true)]
async fn no_duration_is_too_long() {
    let forever = Duration::MAX;
    let root = authority("root");
    let manager = CertManager::issuing(root, IdentityParams::issued("kv"))
        .interval(forever)
        .poll(forever)
        .overlap(forever)
        .start()
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    manager.renew().await.unwrap();
    manager.replace_authority(authority("other")).await.unwrap();
    manager.renew().await.unwrap();
}

#[test]
fn an_authority_issues_while_it_is_valid_and_not_before_or_after() {
    let root = CertAuthority::create(&AuthorityParams::new("short").validity_days(1)).unwrap();
    let info = CertInfo::of(root.certificate());
    let issue = |now| root.issue(&IdentityParams::issued("kv").at(now));
    for now in [info.not_before, info.not_after - HOUR] {
        issue(now).unwrap();
    }
    for now in [info.not_before - HOUR, info.not_after, info.not_after + HOUR] {
        let error = issue(now).unwrap_err();
        assert_eq!(error.code(), "SECURITY_CERT_INVALID", "{error}");
        assert!(error.to_string().contains("expired, or is not valid yet"), "{error}");
    }
}

/// A directory of one authority, and a manager of its `server` files.
async fn managed(root: &CertAuthority) -> (tempfile::TempDir, CertDirectory, CertManager) {
    let temporary = tempfile::tempdir().unwrap();
    let directory = CertDirectory::new(temporary.path().join("pki")).unwrap();
    directory.save_authority(root).unwrap();
    directory.save_server(&root.issue(&IdentityParams::issued("kv")).unwrap()).unwrap();
    let manager = directory.manage_server().start().await.unwrap();
    (temporary, directory, manager)
}

#[tokio::test(start_paused = true)]
async fn m2_files_that_no_peer_would_accept_leave_the_last_good_ones() {
    let root = authority("root");
    let (_temporary, directory, manager) = managed(&root).await;
    let mut events = manager.subscribe();
    let good = manager.identity();
    let now = SystemTime::now();
    let expired = IdentityParams::issued("kv").lifetime(HOUR).at(now - 2 * HOUR);
    let early = IdentityParams::issued("kv").backdate(Duration::ZERO).at(now + DAY);
    let strange = authority("root").issue(&IdentityParams::issued("kv")).unwrap();
    let bad: [(Identity, &str); 3] = [
        (root.issue(&expired).unwrap(), "has expired"),
        (root.issue(&early).unwrap(), "is not valid yet"),
        (strange, "does not lead to"),
    ];
    for (identity, words) in bad {
        directory.save_server(&identity).unwrap();
        let CertEvent::Failed { error } = next(&mut events).await else { panic!("{words}") };
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(manager.renew().await.unwrap_err().code(), "SECURITY_ROTATION_FAILED");
        assert!(matches!(next(&mut events).await, CertEvent::Failed { .. }));
        assert_eq!(manager.identity().certificate(), good.certificate());
    }
    directory.save_server(&root.issue(&IdentityParams::issued("kv")).unwrap()).unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::Reloaded { .. }));
}

#[tokio::test(start_paused = true)]
async fn roots_that_stand_for_others_alone_are_taken() {
    // This side's certificate is of one authority, and it trusts another.
    let root = authority("root");
    let (_temporary, directory, manager) = managed(&root).await;
    let mut events = manager.subscribe();
    let other = authority("other");
    std::fs::write(directory.path().join("ca.crt"), other.chain_pem()).unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::Reloaded { .. }));
    directory.save_server(&root.issue(&IdentityParams::issued("kv")).unwrap()).unwrap();
    assert!(matches!(next(&mut events).await, CertEvent::Reloaded { .. }));
}

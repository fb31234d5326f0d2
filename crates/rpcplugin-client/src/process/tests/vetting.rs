use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    pin::pin,
    task::Poll,
};

use super::*;
use crate::{
    integrity::{Algorithm, Digests},
    process::vetting::vet,
};

fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().max_blocking_threads(1).build().unwrap()
}

async fn is_pending(future: std::pin::Pin<&mut impl Future>) -> bool {
    let mut future = Some(future);
    std::future::poll_fn(|context| {
        let future = future.take().into_iter();
        Poll::Ready(future.map(|future| future.poll(context)).all(|polled| polled.is_pending()))
    })
    .await
}

fn executable(directory: &Path, size: u64) -> PathBuf {
    let path = directory.join("program");
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"#!/bin/sh\n").unwrap();
    file.set_len(size).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn verified(program: &Path, digest: &str) -> Launch {
    let mut launch = plan(program.to_str().unwrap(), &[]);
    launch.integrity.digests = Some(Digests::new(Algorithm::Sha256, [digest]));
    launch
}

#[test]
fn programs_are_looked_for_on_threads_that_may_block() {
    let runtime = runtime();
    let (release, held) = mpsc::channel::<()>();
    runtime.block_on(async {
        let busy = tokio::task::spawn_blocking(move || held.recv());
        let launch = plan("sh", &[]);
        let mut vetted = pin!(vet(&launch));
        assert!(is_pending(vetted.as_mut()).await);
        drop(release);
        assert!(busy.await.unwrap().is_err());
        assert!(vetted.await.unwrap().is_none());
    });
}

#[test]
fn a_program_of_another_digest_is_not_copied() {
    let made = tempfile::tempdir().unwrap();
    let program = executable(made.path(), 10);
    let code = |digest: &str| {
        let mut launch = verified(&program, digest);
        launch.bases = vec![made.path().join("none")];
        runtime().block_on(vet(&launch)).unwrap_err().code()
    };
    assert_eq!(code(&"00".repeat(32)), "SECURITY_CHECKSUM_MISMATCH");
    // Of those ten bytes. There is no place for a copy, and now one is needed.
    let right = "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf";
    assert_eq!(code(right), "CONFIG_SOCKET_DIR");
}

#[test]
fn a_program_without_end_is_not_read_on_when_nobody_waits() {
    let made = tempfile::tempdir().unwrap();
    let program = executable(made.path(), 1 << 40);
    let (done, over) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = runtime();
        runtime.block_on(async {
            let launch = verified(&program, "");
            assert!(is_pending(pin!(vet(&launch))).await);
        });
        // That waits for the thread that reads.
        drop(runtime);
        done.send(()).unwrap();
    });
    over.recv_timeout(6 * SOON).unwrap();
}

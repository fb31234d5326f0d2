//! Unix sockets, their files and directories.

use std::{
    fs,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use rpcplugin_core::{Address, limits};
use rpcplugin_transport::{
    ExpectedPeer, Listener, Peer, PrivateDir, UnixBind, UnixConnector, UnixListener,
};
use tokio::io::AsyncReadExt as _;

use crate::support::{Plugin, client, code, connect, within};

fn path(listener: &UnixListener) -> PathBuf {
    match listener.address() {
        Address::Unix(path) => path,
        other => panic!("{other}"),
    }
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn own_group() -> u32 {
    let dir = tempfile::tempdir().unwrap();
    fs::metadata(dir.path()).unwrap().gid()
}

#[tokio::test]
async fn calls_cross_a_unix_socket() {
    let listener = UnixListener::bind(&UnixBind::new()).unwrap();
    let connector = UnixConnector::new(path(&listener))
        .expect_peer(ExpectedPeer::new().pid(std::process::id()));
    let _plugin = Plugin::serve(listener);
    let channel = connect(connector).await.unwrap();
    assert_eq!(client(&channel).echo(vec![1]).await.unwrap().into_inner(), [1]);
}

#[tokio::test]
async fn files_are_private_or_open_to_the_group_alone() {
    let base = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(&UnixBind::new().base(base.path())).unwrap();
    let socket = path(&listener);
    assert_eq!(socket.parent().unwrap().parent().unwrap(), base.path());
    assert!(fs::symlink_metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));

    let group = own_group();
    let bind = UnixBind::new().base(base.path()).group(group.to_string());
    let listener = UnixListener::bind(&bind).unwrap();
    let socket = path(&listener);
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o660, 0o710));
    assert_eq!(fs::metadata(&socket).unwrap().gid(), group);

    let listener = UnixListener::bind(&bind.mode(0o640)).unwrap();
    assert_eq!(mode(&path(&listener)), 0o640);

    let directory = PrivateDir::create(Some(base.path()), None).unwrap();
    assert_eq!(mode(directory.path()), 0o700);
    let directory = PrivateDir::create(Some(base.path()), Some(&group.to_string())).unwrap();
    assert_eq!(mode(directory.path()), 0o770);
    assert_eq!(fs::metadata(directory.path()).unwrap().gid(), group);
}

/// The umask belongs to the whole process, so each has its own.
#[test]
fn no_umask_changes_the_modes() {
    for umask in ["0", "077", "0177", "027"] {
        let output = Command::new("sh")
            .args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "unix::files_are_private_or_open_to_the_group_alone"])
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && shown.contains("1 passed"), "umask {umask}: {shown}");
    }
}

#[tokio::test]
async fn a_given_directory_holds_the_socket_directly_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(&UnixBind::new().dir(dir.path())).unwrap();
    let socket = path(&listener);
    assert_eq!(socket.parent().unwrap(), dir.path());
    assert!(socket.as_os_str().len() <= dir.path().as_os_str().len() + 17);
    drop(listener);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn another_file_in_the_place_of_the_socket_stays() {
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(&UnixBind::new().dir(dir.path())).unwrap();
    let socket = path(&listener);
    let other = dir.path().join("other");
    fs::write(&other, "mine").unwrap();
    fs::rename(&other, &socket).unwrap();
    drop(listener);
    assert_eq!(fs::read(&socket).unwrap(), b"mine");
}

#[tokio::test]
async fn a_directory_that_cannot_work_is_named_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let long = dir.path().join("x".repeat(100));
    fs::create_dir(&long).unwrap();
    for (dir, reason) in [
        (dir.path().join("missing"), "it cannot be found"),
        (file, "it is not a directory"),
        ("relative".into(), "its path is not absolute"),
        (dir.path().join("a|b"), "the handshake line cannot carry"),
        (long, "its path is longer than"),
    ] {
        let error = UnixListener::bind(&UnixBind::new().dir(&dir)).unwrap_err();
        assert_eq!(error.code(), "CONFIG_SOCKET_DIR");
        let message = error.to_string();
        assert!(message.contains(reason) && message.contains(dir.to_str().unwrap()), "{message}");
    }
    let error = UnixListener::bind(&UnixBind::new().group("no-such-group")).unwrap_err();
    assert_eq!(error.code(), "CONFIG_SOCKET_GROUP");
}

#[tokio::test]
async fn directories_as_long_as_the_hint_says_work() {
    let dir = tempfile::tempdir().unwrap();
    let of_length = |length: usize| {
        let long = dir.path().join("x".repeat(length - dir.path().as_os_str().len() - 1));
        fs::create_dir(&long).unwrap();
        long
    };
    let made = PrivateDir::create([of_length(limits::SOCKET_BASE)], None).unwrap();
    assert_eq!(made.path().as_os_str().len(), limits::SOCKET_DIR);
    UnixListener::bind(&UnixBind::new().dir(made.path())).unwrap();
    let error = PrivateDir::create([of_length(limits::SOCKET_BASE + 1)], None).unwrap_err();
    assert!(error.hint().contains(&format!("or {} where", limits::SOCKET_BASE)));
    let given = format!("at most {} bytes", limits::SOCKET_DIR);
    assert!(error.hint().contains(&given), "{}", error.hint());
}

#[test]
fn a_shorter_base_is_taken_if_the_first_is_too_long() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("x".repeat(60));
    fs::create_dir(&long).unwrap();
    let error = PrivateDir::create(Some(&long), None).unwrap_err();
    assert_eq!(error.code(), "CONFIG_SOCKET_DIR");
    assert!(error.to_string().contains("longer than 61 bytes"), "{error}");
    let made = PrivateDir::create([long.as_path(), dir.path()], None).unwrap();
    assert_eq!(made.path().parent().unwrap(), dir.path());
    assert!(made.path().as_os_str().len() <= 80);
    assert!(PrivateDir::create(None::<PathBuf>, None).unwrap().path().starts_with("/tmp"));
}

#[test]
fn a_private_directory_goes_with_all_that_is_in_it() {
    let base = tempfile::tempdir().unwrap();
    let outside = base.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "").unwrap();

    let made = PrivateDir::create(Some(base.path()), None).unwrap();
    let inside = made.path().to_owned();
    fs::create_dir_all(inside.join("a/b/c")).unwrap();
    fs::write(inside.join("a/b/file"), "").unwrap();
    symlink(&outside, inside.join("a/link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(inside.join("plugin123")).unwrap();
    drop(made);
    assert!(!inside.exists() && outside.join("kept").exists());
}

#[test]
fn a_bottomless_directory_is_left_and_harms_nobody() {
    let base = tempfile::tempdir().unwrap();
    let made = PrivateDir::create(Some(base.path()), None).unwrap();
    fs::create_dir_all(made.path().join("d/".repeat(200))).unwrap();
    let path = made.path().to_owned();
    drop(made);
    assert!(path.exists());
}

#[test]
fn a_directory_in_the_place_of_a_private_one_stays() {
    let base = tempfile::tempdir().unwrap();
    let made = PrivateDir::create(Some(base.path()), None).unwrap();
    let (path, moved) = (made.path().to_owned(), base.path().join("moved"));
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    fs::write(path.join("kept"), "").unwrap();
    drop(made);
    assert!(path.join("kept").exists());
}

#[tokio::test]
async fn both_ends_know_each_other() {
    let mut listener = UnixListener::bind(&UnixBind::new()).unwrap();
    let socket = tokio::net::UnixStream::connect(path(&listener)).await.unwrap();
    let accepted = listener.accept().await.unwrap();
    let (peer, own) = (accepted.peer, Peer::ourselves());
    assert_eq!((peer.pid(), peer.uid()), (own.pid(), own.uid()));
    drop(socket);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_process_gets_no_byte() {
    let mut listener = UnixListener::bind(&UnixBind::new()).unwrap();
    let mut other = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    let refused = [
        ExpectedPeer::new().pid(other.id()),
        ExpectedPeer::new().pid(std::process::id()).uid(4711),
    ];
    for expected in refused {
        let connector = UnixConnector::new(path(&listener)).expect_peer(expected);
        let error = connect(connector).await.unwrap_err();
        assert_eq!(error.code(), "SECURITY_PEER_CREDENTIALS");
        let mut io = listener.accept().await.unwrap().io;
        assert_eq!(io.read(&mut [0]).await.unwrap(), 0);
    }
    drop(other.stdin.take());
    other.wait().unwrap();
}

#[tokio::test]
async fn a_socket_without_a_listener_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let stale = dir.path().join("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    for (path, code) in [
        (stale, "TRANSPORT_REFUSED"),
        (dir.path().join("missing"), "TRANSPORT_NOT_FOUND"),
        (dir.path().join("x".repeat(120)), "TRANSPORT_INVALID_ENDPOINT"),
    ] {
        assert_eq!(connect(UnixConnector::new(path)).await.unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn a_full_backlog_is_waited_for_and_times_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("full");
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        None,
    )
    .unwrap();
    rustix::net::bind(&socket, &rustix::net::SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let connector = UnixConnector::new(&path).timeout(Duration::from_millis(200));
    let first = connect(connector.clone()).await.unwrap();

    let begun = Instant::now();
    let error = connect(connector).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_CONNECT_TIMEOUT");
    assert!(begun.elapsed() >= Duration::from_millis(200));

    let waiting = tokio::spawn(connect(UnixConnector::new(&path)));
    tokio::task::yield_now().await;
    let accepted = rustix::net::accept(&socket).unwrap();
    within(5, waiting).await.unwrap().unwrap();
    drop((first, accepted));
}

#[tokio::test]
async fn a_vanished_socket_file_disturbs_no_established_connection() {
    let listener = UnixListener::bind(&UnixBind::new()).unwrap();
    let path = path(&listener);
    let plugin = Plugin::serve(listener);
    let channel = connect(UnixConnector::new(&path)).await.unwrap();
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    assert!(client(&channel).echo(vec![]).await.is_ok());
    plugin.hang_up();
    let status = within(5, async {
        loop {
            if let Err(status) = client(&channel).echo(vec![]).await {
                break status;
            }
        }
    })
    .await;
    assert!(["TRANSPORT_NOT_FOUND", "TRANSPORT_DISCONNECTED"].contains(&code(&status)));
    let status = client(&channel).echo(vec![]).await.unwrap_err();
    assert_eq!(code(&status), "TRANSPORT_NOT_FOUND");
}

/// The limit belongs to the whole process, so it has its own.
#[tokio::test]
async fn a_shortage_of_descriptors_is_told_and_passes() {
    const FEW: u64 = 64;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    if limit.is_none_or(|limit| limit > FEW) {
        let output = Command::new("sh")
            .args(["-c", &format!("ulimit -n {FEW}; exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "unix::a_shortage_of_descriptors_is_told_and_passes"])
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && shown.contains("1 passed"), "{shown}");
        return;
    }
    let mut listener = UnixListener::bind(&UnixBind::new()).unwrap();
    let _waiting = tokio::net::UnixStream::connect(path(&listener)).await.unwrap();
    let base = tempfile::tempdir().unwrap();
    let hoard: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    let begun = Instant::now();
    assert!(listener.accept().await.is_err());
    assert!(listener.accept().await.is_err());
    assert!(begun.elapsed() >= Duration::from_millis(50), "it spins");
    let error = connect(UnixConnector::new(path(&listener))).await.unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_RESOURCES");
    let error = PrivateDir::create([base.path()], None).unwrap_err();
    assert_eq!(error.code(), "TRANSPORT_RESOURCES");
    drop(hoard);
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0, "nothing is left behind");
    listener.accept().await.unwrap();
}

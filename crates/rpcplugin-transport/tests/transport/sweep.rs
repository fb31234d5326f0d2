//! What is left of processes that were killed: F-TRAN-6.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::{
        fs::{PermissionsExt as _, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rpcplugin_transport::PrivateDir;

/// What a process that was killed leaves: a directory with a socket that nobody listens on.
fn left_over(base: &Path, random: &str) -> PathBuf {
    let path = base.join(format!("rpcplugin-{random}"));
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    drop(UnixListener::bind(path.join("s")).unwrap());
    path
}

fn names(base: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(base).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn exactly_the_directories_of_dead_processes_are_swept() {
    let base = tempfile::tempdir().unwrap();
    for number in 0..1000 {
        // The alphabet of names has no 0, 1, 8 and 9.
        let letter = |digit: char| char::from(b'a' + digit as u8 - b'0');
        let random: String = format!("{number:04}").chars().map(letter).collect();
        left_over(base.path(), &format!("dead{random}"));
    }
    // The first of them begins a sweep in the background, beside the one below.
    let live: Vec<_> = (0..10).map(|_| PrivateDir::create([base.path()], None).unwrap()).collect();
    for directory in &live {
        fs::write(directory.path().join("kept"), "").unwrap();
    }
    let start = Instant::now();
    while names(base.path()).len() > 10 {
        assert!(start.elapsed() < Duration::from_secs(60), "they stay");
        PrivateDir::sweep(base.path()).unwrap();
    }
    assert_eq!(PrivateDir::sweep(base.path()).unwrap(), 0);
    assert!(live.iter().all(|directory| directory.path().join("kept").exists()));
    drop(live);
    assert!(names(base.path()).is_empty());
}

#[test]
fn what_only_resembles_a_private_directory_stays() {
    let base = tempfile::tempdir().unwrap();
    let at = |name: &str| base.path().join(name);
    let target = at("target");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("precious"), "").unwrap();
    symlink(&target, at("rpcplugin-linkaaaa")).unwrap();
    fs::write(at("rpcplugin-fileaaaa"), "").unwrap();
    for name in ["rpcplugin-short", "rpcplugin-toolongaa", "rpcplugin-UPPERaaa", "other-aaaaaaaa"] {
        fs::create_dir(at(name)).unwrap();
    }
    let open = at("rpcplugin-openaaaa");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    let before = names(base.path());
    assert_eq!(PrivateDir::sweep(base.path()).unwrap(), 0);
    assert_eq!(names(base.path()), before);
    assert!(target.join("precious").exists());
}

#[test]
fn links_in_a_directory_of_a_dead_process_are_removed_and_not_followed() {
    let base = tempfile::tempdir().unwrap();
    let target = base.path().join("target");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("precious"), "").unwrap();
    let left = left_over(base.path(), "linksaaa");
    symlink(&target, left.join("directory")).unwrap();
    symlink(target.join("precious"), left.join("file")).unwrap();
    assert_eq!(PrivateDir::sweep(base.path()).unwrap(), 1);
    assert!(target.join("precious").exists());
}

#[test]
fn a_directory_is_kept_for_the_process_that_outlives_its_maker() {
    let base = tempfile::tempdir().unwrap();
    let mut plugin = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let left = left_over(base.path(), "keptaaaa");
    PrivateDir::keep_for(&left, plugin.id()).unwrap();
    assert_eq!(PrivateDir::sweep(base.path()).unwrap(), 0);
    plugin.kill().unwrap();
    plugin.wait().unwrap();
    assert_eq!(PrivateDir::sweep(base.path()).unwrap(), 1);
    assert!(!left.exists());
}

#[test]
fn the_first_directory_that_a_process_makes_in_a_base_starts_a_sweep() {
    let base = tempfile::tempdir().unwrap();
    let left = left_over(base.path(), "firstaaa");
    let made = PrivateDir::create([base.path()], None).unwrap();
    let start = Instant::now();
    while left.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "nobody sweeps");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(made.path().exists());
}

#[test]
fn directories_that_are_made_while_others_sweep_are_never_lost() {
    let base = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let making = scope.spawn(|| {
            for _ in 0..300 {
                let made = PrivateDir::create([base.path()], None).unwrap();
                fs::write(made.path().join("socket"), "").unwrap();
                assert!(made.path().join("socket").exists());
            }
        });
        while !making.is_finished() {
            PrivateDir::sweep(base.path()).unwrap();
        }
    });
    assert!(names(base.path()).is_empty());
}

#[test]
fn a_base_that_cannot_be_read_is_an_error() {
    assert!(PrivateDir::sweep(Path::new("/no/such/directory")).is_err());
}

//! Against a directory that looks like one of the cgroup file system.

use tempfile::TempDir;

use super::*;

fn delegated(controllers: &str) -> (TempDir, Delegated) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let has = |name: &str| controllers.contains(name);
    (directory, Delegated { path, memory: has("memory"), processes: has("pids") })
}

fn limits() -> Limits {
    Limits::new().memory(1 << 20).processes(7)
}

#[test]
fn limits_are_written_where_their_controller_is() {
    let (_directory, parent) = delegated("memory pids");
    let cgroup = Cgroup::create(&parent, &limits()).unwrap();
    let read = |file: &str| fs::read_to_string(cgroup.path.join(file)).unwrap();
    assert_eq!(read("memory.max"), "1048576");
    assert_eq!(read("memory.oom.group"), "1");
    assert_eq!(read("pids.max"), "7");
    assert!(cgroup.controls_memory() && cgroup.controls_processes());
}

#[test]
fn without_controllers_it_holds_processes_and_enforces_nothing() {
    let (_directory, parent) = delegated("");
    let cgroup = Cgroup::create(&parent, &limits()).unwrap();
    assert_eq!(fs::read_dir(&cgroup.path).unwrap().count(), 0);
    assert!(!cgroup.controls_memory() && !cgroup.controls_processes());
}

#[test]
fn what_the_system_refuses_is_an_error_with_the_path() {
    let (directory, mut parent) = delegated("memory");
    parent.path = directory.path().join("gone");
    let error = Cgroup::create(&parent, &limits()).unwrap_err();
    assert_eq!(error.code(), "SECURITY_ISOLATION_FAILED");
    assert!(error.to_string().contains("/gone: "), "{error}");
}

#[test]
fn what_dead_hosts_left_is_removed_and_what_is_anothers_stays() {
    let (directory, parent) = delegated("");
    // No system hands out such a number.
    let stale = directory.path().join("rpcplugin-4294967295-0");
    let living = directory.path().join(format!("rpcplugin-{}-other", std::process::id()));
    let foreign = directory.path().join("foreign-4294967295-0");
    for path in [&stale, &living, &foreign] {
        fs::create_dir_all(path.join("of/its/own")).unwrap();
    }
    drop(Cgroup::create(&parent, &Limits::new()).unwrap());
    assert!(!stale.exists() && living.exists() && foreign.join("of/its/own").exists());
}

#[test]
fn the_cgroups_that_a_plugin_made_go_with_its_own() {
    let (_directory, parent) = delegated("");
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("kept")).unwrap();
    let cgroup = Cgroup::create(&parent, &Limits::new()).unwrap();
    let path = cgroup.path.clone();
    for name in ["a/b/c", "a/d", "e"] {
        fs::create_dir_all(path.join(name)).unwrap();
    }
    // A cgroup file system has no links; whatever has, they are not followed.
    std::os::unix::fs::symlink(outside.path(), path.join("link")).unwrap();
    drop(cgroup);
    assert!(!path.join("a").exists() && !path.join("e").exists());
    assert!(outside.path().join("kept").exists());
}

#[test]
fn they_are_followed_only_so_deep_and_so_long() {
    let directory = tempfile::tempdir().unwrap();
    let top = directory.path().join("top");
    fs::create_dir_all(top.join("a/b")).unwrap();
    let later = || Instant::now() + Duration::from_secs(60);
    remove(&top, later(), 1).unwrap_err();
    remove(&top, Instant::now(), DEPTH).unwrap_err();
    assert!(top.join("a/b").exists());
    remove(&top, later(), 2).unwrap();
    assert!(!top.exists());
}

#[test]
fn its_events_and_peaks_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| fs::write(directory.path().join(file), text).unwrap();
    let readings = Readings { path: directory.path().to_owned() };
    assert!(!readings.was_out_of_memory());
    assert_eq!((readings.peak_memory(), readings.cpu_time()), (None, None));
    write("memory.events", "low 0\noom 1\noom_kill 3\noom_group_kill 1\n");
    write("memory.peak", "4096\n");
    write("cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
    assert!(readings.was_out_of_memory());
    assert_eq!(readings.peak_memory(), Some(4096));
    assert_eq!(readings.cpu_time(), Some(Duration::from_micros(1500)));
}

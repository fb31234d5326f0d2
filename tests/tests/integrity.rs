//! Programs that are checked before they start: F-LIFE-13, `docs/faults.md` A19 and A20.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rpcplugin::{
    Error,
    client::{AllowedPath, Builder, ExitStatus},
};
use rpcplugin_core::HandshakeError;
use rpcplugin_tests::{
    Unprivileged,
    host::{evil_plugin, host, probe, program, refusal, test_plugin},
    leak::{LeakGuard, leak_free},
    not_tested,
};
use tokio::process::Command;

/// The digest of a file, in hexadecimal digits.
fn sha256(path: &Path) -> String {
    digest(path, &ring::digest::SHA256)
}

fn digest(path: &Path, algorithm: &'static ring::digest::Algorithm) -> String {
    let digest = ring::digest::digest(algorithm, &fs::read(path).unwrap());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes an executable file.
fn executable(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::write(path, bytes).unwrap();
    set_mode(path, 0o755);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A program that leaves a mark when it runs, and the mark.
fn marking(guard: &LeakGuard) -> (PathBuf, PathBuf) {
    let (script, mark) = (guard.scratch().join("marking"), guard.scratch().join("mark"));
    executable(&script, format!("#!/bin/sh\n: > '{}'\n", mark.display()));
    (script, mark)
}

async fn mismatch(builder: Builder, command: Command) -> Error {
    let error = refusal(builder, command).await;
    assert_eq!(error.code(), "SECURITY_CHECKSUM_MISMATCH", "{error}");
    error
}

#[test]
fn a19_another_digest_keeps_the_program_from_running_at_all() {
    leak_free(async |guard| {
        let (script, mark) = marking(guard);
        let right = sha256(&script);
        let mut wrong = right.clone().into_bytes();
        wrong[0] = if wrong[0] == b'0' { b'1' } else { b'0' };
        let wrong = String::from_utf8(wrong).unwrap();
        let error = mismatch(host(guard).sha256([&wrong]), guard.command(&script)).await;
        for word in [&wrong, &right, "marking"] {
            assert!(error.to_string().contains(word), "{word} is not in: {error}");
        }
        mismatch(host(guard).sha512([&right]), guard.command(&script)).await;
        assert!(!mark.exists());
        // The mark would have been seen: the right digest lets it run.
        let error = refusal(host(guard).sha256([&right]), guard.command(&script)).await;
        assert_eq!(error.code(), "HANDSHAKE_PLUGIN_EXITED", "{error}");
        assert!(mark.exists());
    });
}

#[test]
fn a19_empty_and_misshapen_digests_allow_nothing() {
    leak_free(async |guard| {
        let (script, mark) = marking(guard);
        let right = sha256(&script);
        let none: [&str; 0] = [];
        mismatch(host(guard).sha256(none), guard.command(&script)).await;
        for digest in ["", &right[2..], &right[1..], &format!("{right}00")] {
            mismatch(host(guard).sha256([digest]), guard.command(&script)).await;
        }
        assert!(!mark.exists());
    });
}

#[test]
fn a19_one_flipped_byte_is_noticed_by_the_same_configuration() {
    leak_free(async |guard| {
        let copy = guard.scratch().join("plugin");
        let mut bytes = fs::read(program("test-plugin")).unwrap();
        executable(&copy, &bytes);
        let builder = host(guard).sha256([sha256(&copy)]);
        // Twice: the state of the hash function is a new one each time.
        for _ in 0..2 {
            let client = builder.clone().spawn(guard.command(&copy)).await.unwrap();
            probe(&client).echo(vec![1]).await.unwrap();
            client.shutdown().await.unwrap();
        }
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        executable(&copy, &bytes);
        mismatch(builder, guard.command(&copy)).await;
    });
}

#[test]
fn a19_each_of_several_digests_and_of_the_three_functions_will_do() {
    leak_free(async |guard| {
        let path = program("test-plugin");
        let other = "00".repeat(32);
        let builders = [
            host(guard).sha256([other, sha256(&path)]),
            host(guard).sha384([digest(&path, &ring::digest::SHA384)]),
            host(guard).sha512([digest(&path, &ring::digest::SHA512)]),
        ];
        for builder in builders {
            let client = builder.spawn(test_plugin(guard)).await.unwrap();
            client.shutdown().await.unwrap();
        }
    });
}

#[test]
fn a20_what_was_hashed_runs_from_memory_under_its_own_arguments() {
    leak_free(async |guard| {
        let builder = host(guard).sha256([sha256(&program("evil-plugin"))]);
        let line = "1|{version}|{network}|{address}|grpc|{cert}";
        let words = ["listen", "unix", "serve", "grpc-tls", "line", line, "hang"];
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        let running = fs::read_link(format!("/proc/{}/exe", client.pid())).unwrap();
        let memfd_works = fs::read_to_string("/proc/sys/vm/memfd_noexec")
            .map_or(true, |value| value.trim() != "2");
        if memfd_works {
            assert_eq!(running, Path::new("/memfd:evil-plugin (deleted)"));
        } else {
            not_tested("a20, a program in memory", "vm.memfd_noexec is 2");
        }
        let words = fs::read(format!("/proc/{}/cmdline", client.pid())).unwrap();
        let name = program("evil-plugin");
        assert!(words.starts_with(name.as_os_str().as_encoded_bytes()), "{words:?}");
        client.kill().await;
    });
}

#[test]
fn a20_a_script_that_was_hashed_runs_as_a_private_copy_and_leaves_none() {
    leak_free(async |guard| {
        let script = guard.scratch().join("plugin.sh");
        let told = guard.scratch().join("told");
        let text = "#!/bin/sh\nls -ld \"$0\" \"${0%/*}\" > \"$1\"\nexec \"$2\"\n";
        executable(&script, text);
        let mut command = guard.command(&script);
        command.arg(&told).arg(program("test-plugin"));
        let client = host(guard).sha256([sha256(&script)]).spawn(command).await.unwrap();
        let told = fs::read_to_string(told).unwrap();
        let line = |mode| told.lines().find(|line| line.starts_with(mode)).expect(&told);
        assert!(line("-r-x------").ends_with("/plugin.sh"), "{told}");
        assert!(line("drwx------").contains(guard.base().to_str().unwrap()), "{told}");
        client.shutdown().await.unwrap();
    });
}

/// Puts one of two files in the place of a third, again and again, until it is dropped.
struct Swapping {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<u32>>,
}

impl Swapping {
    fn start(place: &Path, files: [Vec<u8>; 2]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (place, stopped) = (place.to_owned(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut swaps = 0;
            while !stopped.load(Ordering::Relaxed) {
                for bytes in &files {
                    let next = place.with_extension("next");
                    executable(&next, bytes);
                    fs::rename(&next, &place).unwrap();
                    swaps += 1;
                }
            }
            swaps
        });
        Self { stop, thread: Some(thread) }
    }

    fn end(mut self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Swapping {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Starts a program again and again while another takes its place and gives it back.
async fn race(guard: &LeakGuard, good: Vec<u8>, evil: Vec<u8>) {
    assert_ne!(good, evil);
    let place = guard.scratch().join("raced");
    let mark = guard.scratch().join("mark");
    executable(&place, &good);
    let builder = host(guard).sha256([sha256(&place)]);
    let swapping = Swapping::start(&place, [evil.clone(), good]);
    let (mut ran, mut refused) = (0, 0);
    let started = Instant::now();
    let enough = |ran: u32, refused: u32| match started.elapsed().as_secs() {
        0..2 => false,
        2..10 => ran >= 20 && refused >= 20,
        // A machine that is this slow has time for a few only; both must have come up all the same.
        _ => ran >= 1 && refused >= 1,
    };
    while !enough(ran, refused) {
        assert!(started.elapsed() < Duration::from_secs(60), "{ran} ran, {refused} did not");
        let mut command = guard.command(&place);
        command.arg(&mark);
        match refusal(builder.clone(), command).await {
            Error::Handshake { source: HandshakeError::PluginExited { status, .. }, .. } => {
                assert_eq!(status, ExitStatus::Code(0));
                ran += 1;
            }
            error if error.code() == "SECURITY_CHECKSUM_MISMATCH" => refused += 1,
            error => panic!("{error}"),
        }
        assert!(!mark.exists(), "the other program has run");
    }
    let swaps = swapping.end();
    assert!(swaps > 2, "{swaps}");
    // The mark would have been seen.
    executable(&place, &evil);
    let mut command = guard.command(&place);
    command.arg(&mark);
    refusal(host(guard), command).await;
    assert!(mark.exists());
}

#[test]
fn a20_a_program_that_is_swapped_for_another_never_runs_as_the_other() {
    leak_free(async |guard| {
        let read = |name: &str| fs::read(Path::new("/usr/bin").join(name));
        let (Ok(good), Ok(evil)) = (read("true"), read("touch")) else {
            return not_tested("a20, with programs", "no /usr/bin/true and /usr/bin/touch");
        };
        if good == evil {
            return not_tested("a20, with programs", "true and touch are one program here");
        }
        race(guard, good, evil).await;
    });
}

#[test]
fn a20_a_script_that_is_swapped_for_another_never_runs_as_the_other() {
    leak_free(async |guard| {
        let good = "#!/bin/sh\nexit 0\n".into();
        race(guard, good, "#!/bin/sh\n: > \"$1\"\nexit 0\n".into()).await;
    });
}

#[test]
fn a20_a_verified_plugin_can_run_as_another_user_and_in_a_sandbox() {
    leak_free(async |guard| {
        let script = guard.scratch().join("plugin.sh");
        let Some(user) = Unprivileged::new(guard, "a20, as another user") else { return };
        let plugin = user.command(guard, "test-plugin");
        let plugin = plugin.as_std().get_program();
        executable(&script, "#!/bin/sh\nexec \"$1\"\n");
        let mut through_script = guard.command(&script);
        through_script.arg(plugin);
        for (path, command) in
            [(Path::new(plugin), guard.command(plugin)), (&*script, through_script)]
        {
            let builder = user.host(guard).no_network().sha256([sha256(path)]);
            let client = builder.spawn(command).await.unwrap();
            probe(&client).echo(vec![1]).await.unwrap();
            client.shutdown().await.unwrap();
        }
    });
}

#[test]
fn a20_a_program_that_may_not_be_executed_is_not_executed_by_way_of_a_copy() {
    leak_free(async |guard| {
        let copy = guard.scratch().join("plugin");
        fs::copy(program("test-plugin"), &copy).unwrap();
        set_mode(&copy, 0o644);
        let builder = host(guard).sha256([sha256(&copy)]);
        let error = refusal(builder.clone(), guard.command(&copy)).await;
        assert_eq!(error.code(), "HANDSHAKE_SPAWN_DENIED", "{error}");
        let error = refusal(builder.clone(), guard.command(guard.scratch())).await;
        assert_eq!(error.code(), "HANDSHAKE_SPAWN_DENIED", "{error}");
        let error = refusal(builder, guard.command("/nonexistent/plugin")).await;
        assert_eq!(error.code(), "HANDSHAKE_SPAWN_NOT_FOUND", "{error}");
    });
}

#[test]
fn a20_with_landlock_a_verified_plugin_need_not_be_listed() {
    leak_free(async |guard| {
        let script = guard.scratch().join("plugin.sh");
        executable(&script, "#!/bin/sh\nexec \"$1\"\n");
        let plugin = program("test-plugin");
        let mut through_script = guard.command(&script);
        through_script.arg(&plugin);
        let mut allowed = AllowedPath::system();
        for (path, command) in [(&plugin, test_plugin(guard)), (&script, through_script)] {
            let builder = host(guard).landlock(allowed.clone()).sha256([sha256(path)]);
            match builder.spawn(command).await {
                Ok(client) => {
                    probe(&client).echo(vec![1]).await.unwrap();
                    client.shutdown().await.unwrap();
                }
                Err(error) if error.code() == "SECURITY_ISOLATION_FAILED" => {
                    return not_tested("a20, with landlock", error);
                }
                Err(error) => panic!("{error}"),
            }
            // What the script runs is not the program that was checked.
            allowed.push(AllowedPath::read(&plugin));
        }
    });
}

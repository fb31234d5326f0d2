//! Programs that are started only from where nobody else can change them: `docs/faults.md` A21.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use rpcplugin_tests::{
    host::{host, program, refusal},
    leak::{LeakGuard, leak_free},
    not_tested,
};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A plugin in a directory of its own.
fn plugin_in(guard: &LeakGuard, directory: &str) -> PathBuf {
    let directory = guard.scratch().join(directory);
    fs::create_dir(&directory).unwrap();
    set_mode(&directory, 0o755);
    let plugin = directory.join("plugin");
    fs::copy(program("test-plugin"), &plugin).unwrap();
    set_mode(&plugin, 0o755);
    plugin
}

async fn untrusted(guard: &LeakGuard, plugin: &Path, culprit: &Path, words: &str) {
    let builder = host(guard).trusted_paths_only();
    let error = refusal(builder, guard.command(plugin)).await;
    assert_eq!(error.code(), "SECURITY_FILE_PERMISSIONS", "{error}");
    let text = error.to_string();
    assert!(text.starts_with(culprit.to_str().unwrap()) && text.contains(words), "{text}");
    // By default it is a warning.
    let client = host(guard).spawn(guard.command(plugin)).await.unwrap();
    client.shutdown().await.unwrap();
}

#[test]
fn a21_a_program_that_others_can_change_is_refused_when_paths_must_be_trusted() {
    leak_free(async |guard| {
        let plugin = plugin_in(guard, "file");
        let client = host(guard).trusted_paths_only().spawn(guard.command(&plugin)).await.unwrap();
        client.shutdown().await.unwrap();
        for mode in [0o777, 0o775] {
            set_mode(&plugin, mode);
            untrusted(guard, &plugin, &plugin, "others may write to it").await;
        }
    });
}

#[test]
fn a21_so_is_one_in_a_directory_that_others_can_change_or_that_is_a_link() {
    leak_free(async |guard| {
        let plugin = plugin_in(guard, "directory");
        let directory = plugin.parent().unwrap();
        let link = guard.scratch().join("link");
        symlink(directory, &link).unwrap();
        untrusted(guard, &link.join("plugin"), &link, "symbolic link").await;
        for mode in [0o777, 0o1777] {
            set_mode(directory, mode);
            untrusted(guard, &plugin, directory, "others may write to it").await;
        }
    });
}

#[test]
fn a21_so_is_one_that_is_itself_a_symbolic_link() {
    leak_free(async |guard| {
        let plugin = plugin_in(guard, "linked");
        let open = guard.scratch().join("open");
        fs::create_dir(&open).unwrap();
        for mode in [0o777, 0o755] {
            set_mode(&open, mode);
            let link = open.join(format!("plugin-{mode:o}"));
            symlink(&plugin, &link).unwrap();
            untrusted(guard, &link, &link, "symbolic link").await;
        }
    });
}

#[test]
fn a21_so_is_one_that_belongs_to_somebody_else() {
    leak_free(async |guard| {
        let plugin = plugin_in(guard, "foreign");
        if std::os::unix::fs::chown(&plugin, Some(12_345), None).is_err() {
            return not_tested("a21, foreign owner", "this process cannot give files away");
        }
        untrusted(guard, &plugin, &plugin, "belongs to somebody else").await;
    });
}

#[test]
fn a21_so_is_one_that_any_directory_of_the_path_could_hold() {
    leak_free(async |guard| {
        let error = refusal(host(guard).trusted_paths_only(), guard.command("true")).await;
        assert_eq!(error.code(), "SECURITY_FILE_PERMISSIONS", "{error}");
    });
}

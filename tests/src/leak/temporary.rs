//! Files of a test: everything in its base directory, and ours in the system's directory.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{Kind, Leak};

/// What hosts, plugins and go-plugin call their files.
const PREFIXES: [&str; 2] = ["rpcplugin", "plugin"];

/// Entries of the directory for temporary files that plugins or hosts made.
pub(super) fn entries() -> BTreeSet<PathBuf> {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return BTreeSet::new() };
    entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            PREFIXES.iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
        })
        .map(|entry| entry.path())
        .collect()
}

/// What is left in `base`, and what is new in the directory for temporary files.
pub(super) fn leaks(before: &BTreeSet<PathBuf>, base: &Path) -> Vec<Leak> {
    let mut paths = Vec::new();
    collect(base, &mut paths);
    paths.extend(entries().into_iter().filter(|path| !before.contains(path) && !is_foreign(path)));
    paths
        .into_iter()
        .map(|path| Leak { kind: Kind::File, detail: path.display().to_string() })
        .collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        // Symbolic links are not followed: what they lead to is not ours.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, paths);
        }
        paths.push(path);
    }
}

/// Whether the entry belongs to another test run on the same machine: a process outside our
/// tree was told to use it.
fn is_foreign(path: &Path) -> bool {
    let ours = super::process::descendants();
    let name = path.as_os_str().as_encoded_bytes();
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes
        .filter_map(Result::ok)
        .filter(|entry| {
            let pid = entry.file_name().to_str().and_then(|pid| pid.parse::<u32>().ok());
            pid.is_some_and(|pid| {
                pid != std::process::id() && !ours.iter().any(|(ours, _)| *ours == pid)
            })
        })
        .any(|entry| {
            fs::read(entry.path().join("environ"))
                .is_ok_and(|all| all.windows(name.len()).any(|part| part == name))
        })
}

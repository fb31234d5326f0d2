//! Files of a test: everything in its base directory, and ours in the system's directory.
//!
//! The system's directory belongs to everybody, and a socket that some other plugin left there
//! while the test ran says nothing about the test. So an entry there counts if a process of the
//! test holds it, and hosts and plugins of a test are told to use its base directory, where
//! everything counts.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{Kind, Leak, descriptor, process};

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

/// What is left in `base`, and what is new in the directory for temporary files and the test's.
pub(super) fn leaks(before: &BTreeSet<PathBuf>, base: &Path, mark: &str) -> Vec<Leak> {
    let mut paths = Vec::new();
    collect(base, &mut paths);
    let mut new: Vec<_> = entries().difference(before).cloned().collect();
    if !new.is_empty() {
        let processes = process::of_test(mark);
        new.retain(|path| processes.iter().any(|pid| holds(*pid, path)));
    }
    paths.extend(new);
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

/// Whether the process has the entry, or something in it, open or bound, or was told to use it.
fn holds(pid: u32, path: &Path) -> bool {
    let name = path.as_os_str().as_encoded_bytes();
    let told = || {
        fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|all| all.windows(name.len()).any(|part| part == name))
    };
    let open = |(_, target): &(u32, PathBuf)| {
        target.starts_with(path)
            || descriptor::socket_path(target)
                .is_some_and(|bound| Path::new(&bound).starts_with(path))
    };
    told() || descriptor::of(&pid.to_string()).iter().any(open)
}

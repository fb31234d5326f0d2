//! The open descriptors of this process.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::PathBuf};

use super::{Kind, Leak, process};

/// A descriptor's number and what it refers to. Pipes and sockets are told apart by their inode,
/// so a descriptor that took the number of a closed one is a new one.
pub(super) type Descriptor = (u32, PathBuf);

/// Every open descriptor, save the one that the look itself needs.
pub(super) fn open() -> BTreeSet<Descriptor> {
    let this = format!("/proc/{}/fd", std::process::id());
    of("self").into_iter().filter(|(_, target)| !target.starts_with(&this)).collect()
}

/// Descriptors that are new.
pub(super) fn leaks(before: &BTreeSet<Descriptor>) -> Vec<Leak> {
    open()
        .difference(before)
        .map(|(number, target)| {
            let mut detail = format!("{number} -> {}", target.display());
            if let Some(path) = socket_path(target) {
                // Writing to a String cannot fail.
                let _ = write!(detail, " ({path})");
            }
            for holder in process::holders(target) {
                let _ = write!(detail, ", also held by {holder}");
            }
            Leak { kind: Kind::Descriptor, detail }
        })
        .collect()
}

/// The descriptors of a process, as far as they can be seen.
pub(super) fn of(pid: &str) -> Vec<Descriptor> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, fs::read_link(entry.path()).ok()?))
        })
        .collect()
}

/// The path that a Unix socket is bound to, if this is one.
pub(super) fn socket_path(target: &std::path::Path) -> Option<String> {
    let inode = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    let table = fs::read_to_string("/proc/net/unix").ok()?;
    // Num RefCount Protocol Flags Type St Inode Path
    table.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(6);
        (fields.next()? == inode).then(|| fields.next().unwrap_or("unix, unnamed").to_owned())
    })
}

//! The processes of a test: those below this one, and those that carry its mark.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{Kind, Leak, MARK, descriptor};

/// A process: its id and when it started, since ids are used again.
pub(super) type Id = (u32, u64);

#[derive(Debug)]
struct Process {
    parent: u32,
    started: u64,
    state: char,
}

/// Every process below this one, zombies included.
pub(super) fn descendants() -> BTreeSet<Id> {
    let table = table();
    let pids = below(&table, std::process::id());
    pids.into_iter().map(|pid| (pid, table[&pid].started)).collect()
}

/// Every process of the test: this one, those below it, and those that carry the mark.
pub(super) fn of_test(mark: &str) -> BTreeSet<u32> {
    let table = table();
    let mut pids = below(&table, std::process::id());
    pids.extend(table.into_keys().filter(|pid| carries(*pid, mark)));
    pids.insert(std::process::id());
    pids
}

/// Processes of the test that are new and still there.
pub(super) fn leaks(before: &BTreeSet<Id>, mark: &str) -> Vec<Leak> {
    let table = table();
    let mut pids = below(&table, std::process::id());
    pids.extend(table.keys().filter(|pid| carries(**pid, mark)));
    pids.into_iter()
        .filter(|pid| !before.contains(&(*pid, table[pid].started)))
        .map(|pid| {
            let Process { parent, state, .. } = table[&pid];
            let kind = if state == 'Z' { Kind::Zombie } else { Kind::Process };
            let detail = format!("{}, child of {parent}, state {state}", describe(pid));
            Leak { kind, detail }
        })
        .collect()
}

/// Kills every process that carries the mark. Only processes of the test itself do.
pub(super) fn kill_marked(mark: &str) {
    for pid in table().into_keys().filter(|pid| carries(*pid, mark)) {
        if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
            // It may have ended by itself meanwhile.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Other processes that hold a descriptor of the same pipe or socket.
pub(super) fn holders(target: &Path) -> Vec<String> {
    let named = target.to_str().is_some_and(|name| name.contains(":[") && !name.contains("anon"));
    if !named {
        return Vec::new();
    }
    table()
        .into_keys()
        .filter(|pid| *pid != std::process::id())
        .filter(|pid| descriptor::of(&pid.to_string()).iter().any(|(_, held)| held == target))
        .map(describe)
        .collect()
}

fn below(table: &BTreeMap<u32, Process>, ancestor: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        let children = table.iter().filter(|(_, process)| process.parent == parent);
        parents.extend(children.map(|(pid, _)| *pid).filter(|pid| found.insert(*pid)));
    }
    found
}

fn table() -> BTreeMap<u32, Process> {
    let entries = fs::read_dir("/proc").expect("/proc is mounted");
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, stat(&fs::read_to_string(entry.path().join("stat")).ok()?)?))
        })
        .collect()
}

/// Reads a line of `/proc/PID/stat`. The name, in parentheses, may hold anything.
fn stat(line: &str) -> Option<Process> {
    let fields: Vec<&str> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    Some(Process {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

fn carries(pid: u32, mark: &str) -> bool {
    let expected = format!("{MARK}={mark}");
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| {
        environment.split(|byte| *byte == 0).any(|entry| entry == expected.as_bytes())
    })
}

/// A process in words, for messages.
pub(crate) fn describe(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&words).replace('\0', " ");
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    // A zombie has no command line any more.
    let name = if words.is_empty() { name.trim_end() } else { words.trim_end() };
    format!("{pid} ({name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let fields = "S 7 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 0 0";
        let process = stat(&format!("12 (a ) (b) {fields}")).unwrap();
        assert_eq!((process.state, process.parent, process.started), ('S', 7, 4242));
    }
}

//! The threads of this process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use super::{Kind, Leak, turn};

/// The calling thread's id.
pub(super) fn current() -> u32 {
    let link = fs::read_link("/proc/thread-self").expect("/proc is mounted");
    let id = link.file_name().and_then(|name| name.to_str()).expect("it is PID/task/TID");
    id.parse().expect("thread ids are numbers")
}

/// Every thread of this process, with its name.
pub(super) fn all() -> BTreeMap<u32, String> {
    // When a thread ends during the look, the kernel may skip another one.
    let mut before = look();
    loop {
        let now = look();
        if now == before {
            return now;
        }
        before = now;
    }
}

fn look() -> BTreeMap<u32, String> {
    let tasks = fs::read_dir("/proc/self/task").expect("/proc is mounted");
    tasks
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            // A thread that ends while we look is none.
            let name = fs::read_to_string(entry.path().join("comm")).ok()?;
            Some((id, name.trim_end().to_owned()))
        })
        .collect()
}

/// Threads that are new and do not belong to a test that waits for its turn.
pub(super) fn leaks(before: &BTreeSet<u32>) -> Vec<Leak> {
    all()
        .into_iter()
        .filter(|(id, _)| !before.contains(id) && !turn::is_waiting(*id))
        .map(|(id, name)| {
            let place = fs::read_to_string(format!("/proc/self/task/{id}/wchan"));
            let place = place.unwrap_or_default();
            Leak { kind: Kind::Thread, detail: format!("{id} {name:?}, in {place:?}") }
        })
        .collect()
}

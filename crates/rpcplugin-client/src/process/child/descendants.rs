//! Descendants of a process, as far as `/proc` still knows them.

use std::{collections::VecDeque, fs};

use rustix::{
    fd::OwnedFd,
    process::{Pid, PidfdFlags, pidfd_open},
};

/// Handles of the descendants of `root` that are not in its group.
pub(super) fn outside_group(root: Pid) -> Vec<OwnedFd> {
    let in_group = |pid| rustix::process::getpgid(Some(pid)).is_ok_and(|group| group == root);
    handles(root, |pid| !in_group(pid))
}

/// Handles of all descendants of `root`.
pub(crate) fn all(root: Pid) -> Vec<OwnedFd> {
    handles(root, |_| true)
}

/// Handles of the descendants of `root` that are `wanted`.
///
/// Best effort: those whose parent has ended are nobody's descendants any more, and new ones may
/// appear meanwhile. Every handle is of a process that was seen as a child of one of the family
/// *after* the handle was opened, so a reused number is never among them.
fn handles(root: Pid, wanted: impl Fn(Pid) -> bool) -> Vec<OwnedFd> {
    let mut strays = Vec::new();
    let mut family = VecDeque::from([root]);
    let mut seen = 0;
    while let Some(parent) = family.pop_front() {
        for child in children(parent) {
            seen += 1;
            if seen > MOST {
                return strays;
            }
            family.push_back(child);
            if !wanted(child) {
                continue;
            }
            let handle = pidfd_open(child, PidfdFlags::empty());
            if let Ok(handle) = handle
                && children(parent).any(|again| again == child)
            {
                strays.push(handle);
            }
        }
    }
    strays
}

/// The descendants of `root`, at most [`MOST`], as they are while it looks.
pub(in crate::process) fn descendants(root: u32) -> impl Iterator<Item = u32> {
    let root = i32::try_from(root).ok().and_then(Pid::from_raw);
    let mut family: VecDeque<Pid> = root.into_iter().flat_map(children).collect();
    std::iter::from_fn(move || {
        let next = family.pop_front()?;
        family.extend(children(next));
        u32::try_from(next.as_raw_nonzero().get()).ok()
    })
    .take(MOST)
}

/// A fork bomb must not keep us busy.
const MOST: usize = 4096;

/// The children of every thread of `parent`.
fn children(parent: Pid) -> impl Iterator<Item = Pid> {
    let threads = fs::read_dir(format!("/proc/{}/task", parent.as_raw_nonzero()));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| list.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
        .filter_map(Pid::from_raw)
}

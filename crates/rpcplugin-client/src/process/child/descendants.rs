//! Descendants of a process, as far as `/proc` still knows them.
//!
//! **Invariant:** a look at a family reads a bounded number of files, however many processes and
//! threads there are, and keeps no descriptor; killing it keeps at most [`BATCH`].

use std::{
    collections::VecDeque,
    fs,
    sync::Arc,
    thread::{self, JoinHandle},
};

use rpcplugin_transport::ProcessStat;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How much of a family is looked at.
#[derive(Clone, Copy, Debug)]
pub(in crate::process) struct Budget {
    /// Descendants.
    pub(in crate::process) processes: usize,
    /// Threads whose children are asked for.
    pub(in crate::process) threads: usize,
}

impl Budget {
    /// A look that takes a few milliseconds: enough for a plugin that is up to no harm.
    pub(in crate::process) const BRIEF: Self = Self { processes: 64, threads: 256 };
    /// For a thread that may take its time. A fork bomb must not keep even that busy for long.
    pub(in crate::process) const WHOLE: Self = Self { processes: 4096, threads: 16_384 };
}

/// The descendants of a process, as they were found one after the other.
#[derive(Debug)]
pub(crate) struct Family {
    members: Vec<Member>,
    /// Whether that is all of them, as far as the system tells.
    is_whole: bool,
}

/// A process that was a child of one of the family.
#[derive(Clone, Copy, Debug)]
struct Member {
    pid: Pid,
    /// As it was found. Number and start together stand for one process alone.
    stat: ProcessStat,
}

impl Family {
    /// Looks for the descendants of `root`, whose number must be its own meanwhile.
    ///
    /// Best effort: those whose parent has ended are nobody's descendants any more, and new ones
    /// may appear meanwhile.
    pub(in crate::process) fn of(root: u32, budget: Budget) -> Self {
        let Budget { processes, mut threads } = budget;
        let mut family = Self { members: Vec::new(), is_whole: true };
        let mut parents = VecDeque::from([(root, None)]);
        while let Some((parent, start_time)) = parents.pop_front() {
            let mut found = children(parent, &mut threads, &mut family.is_whole);
            if family.members.len() + found.len() > processes {
                found.truncate(processes - family.members.len());
                family.is_whole = false;
            }
            // One that has ended meanwhile, and whose number is another's, has another parent.
            let found: Vec<_> = found
                .into_iter()
                .filter_map(|child| Some((child, ProcessStat::of(child)?)))
                .filter(|(_, stat)| stat.parent == parent)
                .collect();
            // And these are its children if it is still itself, now that they were looked at.
            let same = |stat: ProcessStat| Some(stat.start_time) == start_time;
            if start_time.is_some() && !ProcessStat::of(parent).is_some_and(same) {
                continue;
            }
            for (child, stat) in found {
                if let Some(pid) = i32::try_from(child).ok().and_then(Pid::from_raw) {
                    family.members.push(Member { pid, stat });
                    parents.push_back((child, Some(stat.start_time)));
                }
            }
        }
        family
    }

    /// Their resident memory together, in bytes.
    pub(in crate::process) fn memory(&self) -> u64 {
        let page = rustix::param::page_size() as u64;
        let pages = self.members.iter().map(|member| member.stat.resident_pages);
        pages.fold(0, u64::saturating_add).saturating_mul(page)
    }

    #[cfg(test)]
    pub(in crate::process) fn len(&self) -> usize {
        self.members.len()
    }

    #[cfg(test)]
    pub(in crate::process) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Leaves out those in that group.
    pub(super) fn retain_outside(&mut self, group: u32) {
        self.members.retain(|member| member.stat.group != group);
    }

    /// Kills every member that is still the process it was.
    pub(crate) fn kill(&self) {
        for batch in self.members.chunks(BATCH) {
            // A handle never comes to mean another process; so who is still the same after it was
            // opened is the one that it stands for.
            let handles: Vec<_> = batch
                .iter()
                .filter_map(|member| {
                    let handle = pidfd_open(member.pid, PidfdFlags::empty()).ok()?;
                    let now = ProcessStat::of(member.pid.as_raw_nonzero().get().cast_unsigned())?;
                    (now.start_time == member.stat.start_time).then_some(handle)
                })
                .collect();
            for handle in handles {
                // An error means that it has ended, or changed user and is out of reach.
                let _ = pidfd_send_signal(handle, Signal::KILL);
            }
        }
    }
}

/// Kills families.
#[derive(Debug, Default)]
pub(crate) struct Hunter {
    thread: Option<JoinHandle<()>>,
}

impl Hunter {
    /// Looks for the descendants of `root`, and has `strike` kill both.
    ///
    /// That is done when this returns, unless they are many: then a thread goes on with it, so
    /// that nobody is held up. The number of `root` must be its own until
    /// [`is_busy`](Self::is_busy) is false.
    pub(crate) fn hunt(&mut self, root: u32, strike: impl Fn(Family) + Send + Sync + 'static) {
        if self.is_busy() {
            return;
        }
        let family = Family::of(root, Budget::BRIEF);
        if family.is_whole {
            return strike(family);
        }
        let strike = Arc::new(strike);
        let on_thread = strike.clone();
        let thread = thread::Builder::new().name("rpcplugin-killer".to_owned());
        match thread.spawn(move || on_thread(Family::of(root, Budget::WHOLE))) {
            Ok(thread) => self.thread = Some(thread),
            // Those that are known, then.
            Err(_) => strike(family),
        }
    }

    /// Whether a thread is at it.
    pub(crate) fn is_busy(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

/// Most handles that are open at once.
const BATCH: usize = 64;

/// The children of the threads of `parent`, each of which costs one of `threads`. `is_whole`
/// becomes false if there are more threads than that.
fn children(parent: u32, threads: &mut usize, is_whole: &mut bool) -> Vec<u32> {
    let mut children = Vec::new();
    for thread in fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
        if *threads == 0 {
            *is_whole = false;
            break;
        }
        *threads -= 1;
        let list = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        children.extend(list.split(' ').filter_map(|pid| pid.parse::<u32>().ok()));
    }
    children
}

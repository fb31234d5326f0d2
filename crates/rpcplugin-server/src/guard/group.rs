//! The plugin's own process group, which it may end only if it leads it: under a Go host the
//! group is the host's.

use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{
    Signal, getpgrp, getpid, kill_current_process_group, kill_process as signal,
};

/// Whether the host ends this process's group together with this process.
static SHARES_FATE: AtomicBool = AtomicBool::new(false);

/// The host gave a lifeline, so it is one that ends the whole group.
pub(super) fn share_fate() {
    SHARES_FATE.store(true, Ordering::SeqCst);
}

/// Ends the plugin's children, if the host would do so too.
///
/// A host that dies sends its parent-death signal, perhaps more than once, and perhaps before its
/// lifeline ends: this process may be gone before the guard has seen that the host is.
pub(crate) fn kill_others_after_signal() {
    if shares_fate() {
        kill_others();
    }
}

/// Whether a signal may be the first that is seen of the host's end, as above.
pub(crate) fn shares_fate() -> bool {
    SHARES_FATE.load(Ordering::SeqCst)
}

fn is_leader() -> bool {
    getpgrp() == getpid()
}

/// Asks the plugin's children to end, as the host is gone. This process gets the signal too and
/// takes it for what it is: the stop that has already begun.
pub(super) fn terminate_others() {
    if is_leader() {
        let _ = kill_current_process_group(Signal::TERM);
    }
}

/// Ends this process, and its group if it leads one, at once.
pub(super) fn kill_process() {
    if is_leader() {
        let _ = kill_current_process_group(Signal::KILL);
    }
    // Not `exit`, which runs code of others, and those may be what hangs.
    let _ = signal(getpid(), Signal::KILL);
}

/// Ends what is left of the plugin's children after its orderly stop. Where the system does not
/// list a group's members, SIGTERM was all they got.
pub(crate) fn kill_others() {
    #[cfg(target_os = "linux")]
    if is_leader() {
        for pid in members().into_iter().flatten() {
            if pid != getpid() {
                let _ = signal(pid, Signal::KILL);
            }
        }
    }
}

/// The processes of our own group.
#[cfg(target_os = "linux")]
fn members() -> std::io::Result<impl Iterator<Item = rustix::process::Pid>> {
    let group = getpgrp();
    Ok(std::fs::read_dir("/proc")?.flatten().filter_map(move |entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The command's name, which may hold anything, ends at the last parenthesis. State,
        // parent and group follow.
        let found: i32 = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(2)?.parse().ok()?;
        (found == group.as_raw_nonzero().get()).then(|| rustix::process::Pid::from_raw(pid))?
    }))
}

//! What must happen between fork and exec, and to the terminal: the only unsafe code of this crate.
//!
//! **Invariant:** everything that runs in the new process here is async-signal-safe. It makes
//! plain system calls on values that were computed before the fork; it neither allocates nor
//! locks, because another thread may have held any lock at the moment of the fork.

use std::{io, os::unix::process::CommandExt as _, process::Command};

use rustix::process::{Pid, Resource};

mod confine;
mod program;
mod terminal;

pub(crate) use self::confine::{Action, Step, confine};
pub(crate) use self::program::{Program, ProgramFile};
pub(crate) use self::terminal::LentTerminal;

/// Makes the child lead a process group of its own, start with default signals and without our
/// descriptors, and, unless it is detached, die with this process. With `terminal` its group is in
/// the foreground of the terminal on its standard input.
///
/// The parent-death signal belongs to the *thread* that forks: whoever spawns `command` must do
/// so from a thread that lives as long as the process.
pub(crate) fn prepare(command: &mut Command, detach: bool, terminal: bool) {
    let parent = (!detach).then(rustix::process::getpid);
    let highest = highest_descriptor();
    command.process_group(0);
    let in_child = move || {
        if let Some(parent) = parent {
            die_with(parent)?;
        }
        if terminal {
            // The standard library has made it lead its group already.
            let _ = terminal::give_to(rustix::process::getpid());
        }
        reset_signals();
        seal_descriptors(highest);
        Ok(())
    };
    #[expect(unsafe_code, reason = "there is no safe way to run code between fork and exec")]
    // SAFETY: the closure is async-signal-safe. It captures plain values and calls the functions
    // below and `give_to`, which make system calls only; `Ok` and `io::Error` from an errno do
    // not allocate.
    unsafe {
        command.pre_exec(in_child);
    }
}

/// Asks the system to kill this process when the thread that forked it ends.
fn die_with(parent: Pid) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::Signal;
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the call above, and then no signal ever comes.
        if rustix::process::getppid() != Some(parent) {
            return Err(io::Error::from_raw_os_error(libc::ECHILD));
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
    Ok(())
}

/// Gives every signal its default disposition and unblocks all: exec keeps what was ignored or
/// blocked.
fn reset_signals() {
    const HIGHEST_SIGNAL: libc::c_int = if cfg!(target_os = "linux") { 64 } else { 31 };
    for number in 1..=HIGHEST_SIGNAL {
        reset_disposition(number);
    }
    #[expect(unsafe_code, reason = "rustix has no stable way to set the signal mask")]
    // SAFETY: both functions are async-signal-safe; `sigemptyset` initialises the whole set
    // before it is read, and a null pointer for the old set is allowed.
    unsafe {
        let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}

/// Past the C library, which refuses to touch the two signals that it uses itself, although they
/// too may have been ignored by an ancestor.
#[cfg(target_os = "linux")]
fn reset_disposition(number: libc::c_int) {
    /// The kernel's `struct sigaction` is 32 bytes or less; all zero, it means the default.
    const DEFAULT: [u64; 8] = [0; 8];
    /// The kernel's `sigset_t`.
    const SET_BYTES: usize =
        if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 16 } else { 8 };
    #[expect(unsafe_code, reason = "rustix has no stable way to set a disposition")]
    // SAFETY: a plain system call. The kernel reads a `struct sigaction` from a constant that is
    // larger and aligned for it, and a null pointer for the old one is allowed. Signals that
    // cannot be changed (SIGKILL, SIGSTOP) make it fail without effect.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigaction,
            number,
            DEFAULT.as_ptr(),
            std::ptr::null_mut::<u64>(),
            SET_BYTES,
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn reset_disposition(number: libc::c_int) {
    #[expect(unsafe_code, reason = "rustix has no stable way to set a disposition")]
    // SAFETY: `signal` is async-signal-safe and takes any number; signals that cannot be changed
    // fail without effect.
    unsafe {
        libc::signal(number, libc::SIG_DFL);
    }
}

/// Marks every descriptor from 3 up to be closed by exec.
///
/// It marks rather than closes because the standard library reports a failed exec over one.
fn seal_descriptors(highest: libc::c_int) {
    #[cfg(target_os = "linux")]
    {
        #[expect(unsafe_code, reason = "neither libc nor rustix wraps close_range everywhere")]
        // SAFETY: a plain system call with three integers, which only sets a flag on
        // descriptors of this process. The child has no code left that needs them after exec.
        let sealed = unsafe {
            libc::syscall(
                libc::SYS_close_range,
                3 as libc::c_uint,
                libc::c_uint::MAX,
                libc::CLOSE_RANGE_CLOEXEC,
            )
        };
        if sealed == 0 {
            return;
        }
    }
    // Linux before 5.11, and other systems.
    for descriptor in 3..highest {
        #[expect(unsafe_code, reason = "the descriptors are not ours to borrow")]
        // SAFETY: `fcntl` is async-signal-safe, and setting this flag on a number that is not
        // open fails without effect.
        unsafe {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// One above the highest descriptor that the fallback looks at. Containers may allow a billion;
/// looking at all of them would take minutes.
fn highest_descriptor() -> libc::c_int {
    const MOST: u64 = 65_536;
    let limit = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(MOST);
    libc::c_int::try_from(limit.min(MOST)).unwrap_or(libc::c_int::MAX)
}

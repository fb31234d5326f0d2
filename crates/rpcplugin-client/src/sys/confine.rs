//! Restrictions that a new process takes upon itself before it runs its program.

#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd as _;
use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    process::Command,
    sync::Arc,
};

use rustix::process::{Pid, Resource, Rlimit};

/// One thing that the new process does to itself.
#[derive(Debug)]
pub(crate) enum Action {
    /// Moves into the cgroup of this `cgroup.procs`.
    #[cfg(target_os = "linux")]
    JoinCgroup(OwnedFd),
    Limit(Resource, Rlimit),
    /// Takes this niceness.
    Nice(i32),
    /// Runs on these processors only.
    #[cfg(target_os = "linux")]
    Processors(Box<rustix::thread::CpuSet>),
    /// Becomes this user, with this group and no other.
    Become {
        user: u32,
        group: u32,
    },
    /// Dies with its parent: a change of user has undone what was asked for before.
    DieWith(Pid),
    /// Never gains privileges by starting a program.
    #[cfg(target_os = "linux")]
    NoNewPrivileges,
    /// Keeps to the files of this Landlock ruleset.
    #[cfg(target_os = "linux")]
    Landlock(OwnedFd),
    /// Makes only the system calls that this program lets through.
    #[cfg(target_os = "linux")]
    Filter(Vec<libc::sock_filter>),
    /// Runs this program instead of the command's.
    Run(super::Program),
}

/// An action, and what to call it when it fails.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) what: String,
    pub(crate) action: Action,
}

/// Has the child of `command` take these steps, in their order, after everything else that is
/// registered by now. If one fails, the program is not run, and the number of the step is written
/// to `failed`.
pub(crate) fn confine(command: &mut Command, steps: Arc<[Step]>, failed: OwnedFd) {
    let in_child = move || {
        for (number, step) in steps.iter().enumerate() {
            if let Err(error) = take(&step.action) {
                // There are never as many; a wrong number would only name another step.
                let number = u8::try_from(number).unwrap_or(u8::MAX);
                let _ = rustix::io::write(&failed, &[number]);
                return Err(error);
            }
        }
        Ok(())
    };
    #[expect(unsafe_code, reason = "there is no safe way to run code between fork and exec")]
    // SAFETY: the closure is async-signal-safe. It reads what was computed before the fork
    // through shared references, and drops nothing: `take` and `write` make system calls only,
    // and an `io::Error` made of an errno does not allocate.
    unsafe {
        command.pre_exec(in_child);
    }
}

/// Makes system calls only.
fn take(action: &Action) -> io::Result<()> {
    match action {
        #[cfg(target_os = "linux")]
        Action::JoinCgroup(processes) => {
            // 0 is the process that writes.
            rustix::io::write(processes, b"0")?;
        }
        Action::Limit(resource, limit) => rustix::process::setrlimit(*resource, *limit)?,
        Action::Nice(value) => rustix::process::setpriority_process(None, *value)?,
        #[cfg(target_os = "linux")]
        Action::Processors(set) => rustix::thread::sched_setaffinity(None, set)?,
        Action::Become { user, group } => become_user(*user, *group)?,
        Action::DieWith(parent) => super::die_with(*parent)?,
        #[cfg(target_os = "linux")]
        Action::NoNewPrivileges => rustix::thread::set_no_new_privs(true)?,
        #[cfg(target_os = "linux")]
        Action::Landlock(rules) => {
            #[expect(unsafe_code, reason = "neither libc nor rustix wraps it")]
            // SAFETY: a plain system call with an open descriptor and no flags.
            let done =
                unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0) };
            check(done)?;
        }
        #[cfg(target_os = "linux")]
        Action::Filter(program) => install(program)?,
        Action::Run(program) => return Err(program.run()),
    }
    Ok(())
}

/// The group first, because the user may not change it any more.
fn become_user(user: u32, group: u32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::{
            fs::{Gid, Uid},
            thread,
        };
        // Straight to the kernel: the C library's functions would have all threads of the
        // process change, and the child has but one.
        let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
        thread::set_thread_groups(&[])?;
        thread::set_thread_res_gid(group, group, group)?;
        thread::set_thread_res_uid(user, user, user)?;
        Ok(())
    }
    #[cfg(not(target_os = "linux"))]
    {
        #[expect(unsafe_code, reason = "rustix leaves these to the C library")]
        // SAFETY: the three make one system call each with plain values, and the list of groups
        // is empty, so that its pointer is not read. They are what the standard library calls in
        // this place.
        unsafe {
            check(libc::setgroups(0, std::ptr::null()).into())?;
            check(libc::setgid(group).into())?;
            check(libc::setuid(user).into())
        }
    }
}

#[cfg(target_os = "linux")]
fn install(program: &[libc::sock_filter]) -> io::Result<()> {
    /// More than the kernel takes.
    const TOO_LONG: libc::c_ushort = libc::c_ushort::MAX;
    let program = libc::sock_fprog {
        len: libc::c_ushort::try_from(program.len()).unwrap_or(TOO_LONG),
        // The kernel only reads it.
        filter: program.as_ptr().cast_mut(),
    };
    #[expect(unsafe_code, reason = "neither libc nor rustix wraps it")]
    // SAFETY: a plain system call. The kernel copies `len` instructions from `filter`, which is
    // that long; were it longer than `TOO_LONG`, the kernel would refuse the length first.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    };
    check(done)
}

fn check(result: libc::c_long) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

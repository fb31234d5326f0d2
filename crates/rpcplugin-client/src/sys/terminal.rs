//! Lending the terminal to a plugin: its process group becomes the one in the foreground.

use std::mem::MaybeUninit;

use rustix::{
    process::{Pid, getpgrp},
    stdio::stdin,
    termios::{tcgetpgrp, tcsetpgrp},
};

/// The host's terminal while a plugin has it. Dropping it takes the terminal back, unless somebody
/// else has got it meanwhile.
#[derive(Debug)]
pub(crate) struct LentTerminal {
    own: Pid,
    /// `None` until the plugin is known.
    to: Option<Pid>,
}

impl LentTerminal {
    /// `None` if standard input is no terminal, or not this process's to lend because it is in
    /// the background.
    pub(crate) fn begin() -> Option<Self> {
        let own = getpgrp();
        (tcgetpgrp(stdin()) == Ok(own)).then(|| Self { own, to: None })
    }

    /// Notes who has it now: the group that this process leads.
    pub(crate) fn is_with(&mut self, plugin: Pid) {
        self.to = Some(plugin);
    }
}

impl Drop for LentTerminal {
    fn drop(&mut self) {
        match (tcgetpgrp(stdin()), self.to) {
            (Ok(present), Some(plugin)) if present != plugin => {}
            // An error means that the terminal is gone, too.
            _ => drop(give_to(self.own)),
        }
    }
}

/// Puts a process group into the foreground. Async-signal-safe.
///
/// # Errors
///
/// The system's reason, such as that standard input is no terminal.
pub(super) fn give_to(group: Pid) -> rustix::io::Result<()> {
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    #[expect(unsafe_code, reason = "rustix has no stable way to set the signal mask")]
    // SAFETY: the functions are async-signal-safe. `sigemptyset` initialises the set before it is
    // read, and `pthread_sigmask`, which cannot fail with these arguments, initialises `before`.
    unsafe {
        let mut background = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(background.as_mut_ptr());
        // A process in the background that does this is stopped by it, unless it blocks it.
        libc::sigaddset(background.as_mut_ptr(), libc::SIGTTOU);
        libc::pthread_sigmask(libc::SIG_BLOCK, background.as_ptr(), before.as_mut_ptr());
    }
    let given = tcsetpgrp(stdin(), group);
    #[expect(unsafe_code, reason = "as above")]
    // SAFETY: `before` was initialised above, and a null pointer for the old set is allowed.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
    }
    given
}

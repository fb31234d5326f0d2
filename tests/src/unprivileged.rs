//! A user without rights, for what does not bind root.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use rpcplugin::client::Builder;
use tokio::process::Command;

use crate::{Fifo, host, leak::LeakGuard};

/// A user that nothing else on the machine runs as, so that its processes can be counted.
#[derive(Debug)]
pub struct Unprivileged {
    number: u32,
}

impl Unprivileged {
    /// `None`, with the reason on stderr, where this process may not become other users.
    ///
    /// # Panics
    ///
    /// If the guard's directories cannot be opened to the user.
    #[must_use]
    pub fn new(guard: &LeakGuard, test: &str) -> Option<Self> {
        // Where users are mapped, numbers from here on may not be.
        const FIRST: u32 = 1_000_000_000;
        let number = FIRST + std::process::id();
        let may = std::process::Command::new("setpriv")
            .args([format!("--reuid={number}"), format!("--regid={number}")])
            .args(["--clear-groups", "true"])
            .output()
            .is_ok_and(|output| output.status.success());
        if !may {
            crate::not_tested(test, "this process cannot become another user");
            return None;
        }
        for directory in [guard.base(), guard.scratch()] {
            open(directory, 0o755);
        }
        Some(Self { number })
    }

    /// Has plugins run as this user.
    pub fn host(&self, guard: &LeakGuard) -> Builder {
        let number = self.number.to_string();
        host::host(guard).user(&number).group(number)
    }

    /// The user's number.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// A command of a copy of one of this package's programs, where the user can reach it.
    ///
    /// # Panics
    ///
    /// If it cannot be copied.
    #[must_use]
    pub fn command(&self, guard: &LeakGuard, program: &str) -> Command {
        let copy = guard.scratch().join(program);
        if !copy.exists() {
            std::fs::copy(host::program(program), &copy).expect("the directory is writable");
            open(&copy, 0o755);
        }
        guard.command(copy)
    }

    /// A named pipe that the user may write to.
    ///
    /// # Panics
    ///
    /// If it cannot be made.
    #[must_use]
    pub fn fifo(&self, guard: &LeakGuard, name: &str) -> Fifo {
        let fifo = Fifo::create(guard.scratch(), name).expect("the directory is writable");
        open(Path::new(fifo.path()), 0o666);
        fifo
    }
}

fn open(path: &Path, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, mode).expect("it is ours");
}

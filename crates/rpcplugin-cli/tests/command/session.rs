//! A command in a terminal, with somebody at it who reads and types.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

/// The terminal's other side.
pub(crate) struct Session {
    terminal: File,
    child: Child,
    shown: String,
    /// Up to where it has been looked at.
    seen: usize,
}

impl Session {
    /// Runs a command whose terminal it is, so that Ctrl-C typed there reaches it.
    pub(crate) fn start(plain: &Command) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let end = || -> OwnedFd {
            File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap().into()
        };
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", "env", "--default-signal=HUP,INT,TERM"]);
        command.arg(plain.get_program()).args(plain.get_args()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("TERM", "xterm-256color");
        command.current_dir(plain.get_current_dir().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        Self { terminal: terminal.into(), child, shown: String::new(), seen: 0 }
    }

    pub(crate) fn type_(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until this text is shown, after all that was waited for before.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            assert!(self.read(), "{text:?} does not come in {:?}", self.shown);
        }
    }

    /// Waits until the command has ended; its exit code, and everything that was shown.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        while self.read() {}
        (self.child.wait().unwrap().code(), self.shown)
    }

    /// Reads more; `false` at the end.
    #[track_caller]
    fn read(&mut self) -> bool {
        /// Whoever waits longer has found a fault.
        const LIMIT: Duration = Duration::from_secs(60);
        let began = Instant::now();
        let pause = Timespec { tv_sec: 1, tv_nsec: 0 };
        while poll(&mut [PollFd::new(&self.terminal, PollFlags::IN)], Some(&pause)) == Ok(0) {
            assert!(began.elapsed() < LIMIT, "nothing comes after {:?}", self.shown);
        }
        let mut bytes = [0; 4096];
        // Linux tells of the last end's closing with an error.
        let count = self.terminal.read(&mut bytes).unwrap_or(0);
        self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }
}

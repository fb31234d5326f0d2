//! Real children of `/bin/sh`. Every test ends by showing that nothing is left.

use std::{
    ffi::OsString,
    path::Path,
    sync::mpsc,
    time::{Duration, Instant},
};

use rpcplugin_core::{Error, ExitStatus, HandshakeError, limits};
use rustix::{
    io::Errno,
    process::{Pid, WaitOptions, waitpid},
};
use tokio::{io::AsyncReadExt as _, process::Command};

use super::{Bounds, Integrity, Launch, Process, Signal, Stdin, launch};

mod given;
mod host;
mod life;
mod refusals;
#[cfg(target_os = "linux")]
mod terminal;
mod vetting;

/// Nothing here takes longer than this, even on a busy machine.
const SOON: Duration = Duration::from_secs(10);

/// Stands for the directory that is kept for a process; tells when it is dropped.
struct Kept(mpsc::Sender<Instant>);

impl Drop for Kept {
    fn drop(&mut self) {
        // A test that does not care has dropped the receiver.
        let _ = self.0.send(Instant::now());
    }
}

fn kept() -> (Kept, mpsc::Receiver<Instant>) {
    let (sender, receiver) = mpsc::channel();
    (Kept(sender), receiver)
}

fn plan(program: &str, arguments: &[&str]) -> Launch {
    let mut command = Command::new(program);
    command.args(arguments);
    Launch {
        command,
        environment: vec![("PATH".into(), std::env::var_os("PATH").unwrap_or_default())],
        stdin: Stdin::Lifeline,
        detach: false,
        bounds: Bounds::default(),
        integrity: Integrity::default(),
        bases: Vec::new(),
    }
}

fn script(text: &str) -> Launch {
    plan("/bin/sh", &["-c", text])
}

async fn start(plan: Launch) -> Process {
    launch(plan, None::<()>).await.unwrap()
}

/// Everything that the process writes to stdout until it closes it.
async fn output(process: &mut Process) -> String {
    let mut text = String::new();
    process.take_stdout().unwrap().read_to_string(&mut text).await.unwrap();
    text
}

/// Reads stdout until the process has printed a whole line.
async fn line(process: &mut Process) -> String {
    let mut stdout = process.take_stdout().unwrap();
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        line.push(stdout.read_u8().await.unwrap());
    }
    process.stdout = Some(stdout);
    String::from_utf8(line).unwrap().trim_end().to_owned()
}

fn pid(process: &Process) -> Pid {
    Pid::from_raw(i32::try_from(process.pid()).unwrap()).unwrap()
}

/// Asserts that a child was reaped and nobody lives in its group.
#[track_caller]
fn nothing_left(child: Pid) {
    assert!(is_reaped(child), "not reaped");
    let in_group = |stat: &str| {
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
        // State, parent, group. A zombie has ended too: the container's first process may not
        // reap it.
        fields[1] != "Z" && fields[3] == child.as_raw_nonzero().to_string()
    };
    eventually(|| {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        !processes
            .filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok())
            .any(|stat| in_group(&stat))
    });
}

fn is_reaped(child: Pid) -> bool {
    matches!(waitpid(Some(child), WaitOptions::NOHANG), Err(Errno::CHILD))
}

/// Waits for something that other processes do in their own time.
#[track_caller]
fn eventually(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < SOON, "it did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Whether a process that may not be our child has ended.
fn has_ended(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.map_or(true, |stat| stat.rsplit(')').next().unwrap().starts_with(" Z"))
}

/// Writes an executable through a child: a descriptor of ours, open for writing, could be
/// inherited by what another test starts at this moment, and then the file is busy.
fn write_program(path: &Path, text: &str) {
    let done = std::process::Command::new("/bin/sh")
        .args(["-c", r#"printf %s "$2" > "$1" && chmod 755 "$1""#, "sh"])
        .arg(path)
        .arg(text)
        .status();
    assert!(done.unwrap().success());
}

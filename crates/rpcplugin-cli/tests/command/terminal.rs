//! Terminals, signals and pipes that close.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::process::ExitStatusExt as _},
    process::{Command, Stdio},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

use super::case::{case, with_default_signals};

pub(crate) const ESCAPE: &str = "\u{1b}[";

/// A terminal: the side of whoever looks at it, and that of a program.
pub(crate) fn terminal() -> (File, OwnedFd) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (terminal.into(), end.into())
}

/// Runs a command with stdout and stderr on a terminal, and reads what appears there.
pub(crate) fn on_a_terminal(mut command: Command) -> String {
    let (mut terminal, stderr) = terminal();
    let stdout = stderr.try_clone().unwrap();
    let mut child = command.stdout(stdout).stderr(stderr).spawn().unwrap();
    // Its ends in this process would keep the terminal open.
    drop(command);
    let mut shown = Vec::new();
    // Linux tells of the last end's closing with an error.
    let _ = terminal.read_to_end(&mut shown);
    child.wait().unwrap();
    String::from_utf8(shown).unwrap()
}

#[test]
fn colours_are_for_terminals() {
    case(|case| {
        case.write("one.yaml", "plugin_start_timeout: x\n");
        for arguments in
            ["config check one.yaml", "config show --all", "cert show none.crt", "--help", "cert x"]
        {
            let command = || {
                let mut command = case.command(arguments);
                command.env("TERM", "xterm-256color");
                command
            };
            let shown = on_a_terminal(command());
            assert!(shown.contains(ESCAPE), "{arguments}: {shown}");

            let mut without = command();
            without.env("NO_COLOR", "1");
            let shown = on_a_terminal(without);
            assert!(!shown.is_empty() && !shown.contains(ESCAPE), "{arguments}: {shown}");

            let piped = command().output().unwrap();
            let shown = String::from_utf8([piped.stdout, piped.stderr].concat()).unwrap();
            assert!(!shown.is_empty() && !shown.contains(ESCAPE), "{arguments}: {shown}");
        }
    });
}

#[test]
fn json_has_no_colours_on_a_terminal_either() {
    case(|case| {
        let shown = on_a_terminal(case.command("config show --all --json"));
        assert!(shown.starts_with('{') && !shown.contains(ESCAPE), "{shown}");
    });
}

#[test]
fn ctrl_c_ends_a_command_that_waits_for_stdin() {
    case(|case| {
        let mut command = with_default_signals(&case.command("cert show -"));
        command.stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"-----BEGIN").unwrap();
        // It has read that, so it waits for more.
        while rustix::io::ioctl_fionread(&stdin).unwrap() > 0 {
            std::thread::yield_now();
        }
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), Some(Signal::INT.as_raw()));
        assert!(output.stdout.is_empty() && output.stderr.is_empty());
    });
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    case(|case| {
        let mut command = case.command("config show --all");
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", output.status);
        assert!(output.stderr.is_empty());
    });
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    case(|case| {
        let mut command = case.command("config show --all");
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("CLI_OUTPUT\n"));
    });
}

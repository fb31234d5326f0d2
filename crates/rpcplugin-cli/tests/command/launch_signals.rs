//! Commands that are interrupted leave nothing behind; the oracle looks for it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    process::Stdio,
};

use rustix::process::{Pid, Signal, kill_process};

use super::case::{COOKIE, case, program, with_default_signals};

const SIGNALS: [(Signal, i32); 3] = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];

#[test]
fn f_cli_1_a_signal_ends_command_and_plugin() {
    case(|case| {
        let plugin = program("test-plugin");
        for (signal, code) in SIGNALS {
            let plain = case.launching(&["health", "--cookie", COOKIE, "--watch", &plugin]);
            let mut child = with_default_signals(&plain).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap());
            let mut first = String::new();
            lines.read_line(&mut first).unwrap();
            assert_eq!(first, "plugin: SERVING\n");
            kill_process(Pid::from_child(&child), signal).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(code));
            assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        }
    });
}

#[test]
fn f_cli_1_a_signal_ends_a_start_that_is_under_way() {
    case(|case| {
        let fifo = case.fifo("started");
        let evil = program("evil-plugin");
        let path = fifo.to_str().unwrap();
        let arguments = [
            "health", "--cookie", COOKIE, "--", &evil, "report", path, "x", "child", "hang", "hang",
        ];
        for (signal, code) in SIGNALS {
            let child = with_default_signals(&case.launching(&arguments)).spawn().unwrap();
            let mut line = String::new();
            // Opening waits for the plugin, which opens it to report.
            BufReader::new(File::open(&fifo).unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line, "x\n");
            kill_process(Pid::from_child(&child), signal).unwrap();
            assert_eq!(child.wait_with_output().unwrap().status.code(), Some(code));
        }
    });
}

#[test]
fn a_signal_that_was_ignored_before_the_command_stays_so() {
    case(|case| {
        let plugin = program("test-plugin");
        let plain = case.launching(&["health", "--cookie", COOKIE, "--watch", &plugin]);
        let command = with_default_signals(&plain);
        let mut ignoring = std::process::Command::new("env");
        ignoring.arg("--ignore-signal=HUP").arg(command.get_program()).args(command.get_args());
        ignoring.env_clear();
        ignoring.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        ignoring.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = ignoring.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut String::new()).unwrap();
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::HUP).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(143));
    });
}

#[test]
fn f_cli_1_a_second_signal_does_not_wait_for_the_plugin() {
    case(|case| {
        let evil = program("evil-plugin");
        // Neither the request to stop nor SIGTERM impresses it.
        let serving = "listen unix serve deaf line 1|1|{network}|{address}|grpc| hang";
        let own = ["health", "--cookie", COOKIE, "--tls", "plaintext", "--watch", "--", &evil];
        let arguments = Vec::from_iter(own.into_iter().chain(serving.split(' ')));
        let mut plain = case.launching(&arguments);
        plain.env("PLUGIN_GRPC_GRACE_PERIOD", "3600");
        let mut child = with_default_signals(&plain).spawn().unwrap();
        let mut first = [0];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::INT).unwrap();
        // Whether it comes before the first has been seen or after, one of the two is the second.
        while child.try_wait().unwrap().is_none() {
            kill_process(pid, Signal::TERM).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        assert!(matches!(child.wait().unwrap().code(), Some(130 | 143)));
    });
}

#[test]
fn a_reader_that_leaves_ends_command_and_plugin() {
    case(|case| {
        let plugin = program("test-plugin");
        let mut command = case.launching(&["health", "--cookie", COOKIE, &plugin]);
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        drop(reader);
        let done = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        // The command holds the other end of the pipe.
        drop(command);
        let output = done.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
    });
}

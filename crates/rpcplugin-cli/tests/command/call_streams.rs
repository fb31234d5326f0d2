use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use super::case::{COOKIE, Case, case, only_child, program, with_default_signals};

fn streaming(case: &Case, arguments: &[&str]) -> Command {
    let plugin = program("test-plugin");
    let report = case.path("report");
    let mut command = case.launching(&[&["call", "--cookie", COOKIE, &plugin], arguments].concat());
    command.arg("--env").arg(format!("TEST_PLUGIN_REPORT={}", report.display()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn f_cli_3_streams_are_one_value_a_line() {
    case(|case| {
        let plugin = program("test-plugin");
        let call = |arguments: &[&str]| {
            case.launch(&[&["call", "--cookie", COOKIE, &plugin], arguments].concat(), 0).stdout
        };
        assert_eq!(call(&["Count", "3"]), "0\n1\n2\n");
        assert_eq!(call(&["Count", "0"]), "");
        assert_eq!(call(&["Sum", "1 2 3"]), "6\n");
        assert_eq!(call(&["Chat", r#""AA==" "AAE=""#]), "\"AA==\"\n\"AAE=\"\n");
        // What is no terminal and has no lines is an empty stream.
        assert_eq!(call(&["Sum"]), "0\n");
    });
}

#[test]
fn f_cli_3_each_value_is_sent_and_shown_as_it_comes() {
    case(|case| {
        for json in [None, Some("-")] {
            let words = Vec::from_iter(["Chat"].into_iter().chain(json));
            let mut child = streaming(case, &words).spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            for value in ["\"AA==\"", "\"AAE=\""] {
                writeln!(stdin, "{value}").unwrap();
                // Nothing else is sent before this one is back.
                assert_eq!(lines.next().unwrap().unwrap(), value);
            }
            drop(stdin);
            assert!(lines.next().is_none());
            assert!(child.wait().unwrap().success());
        }
    });
}

#[test]
fn f_cli_3_a_line_that_is_no_json_ends_the_call() {
    case(|case| {
        let mut child = streaming(case, &["Sum"]).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"1\n\n{\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("line 3 of stdin: "), "{stderr}");
        drop(stdin);
    });
}

#[test]
fn f_cli_3_a_value_that_does_not_fit_ends_the_call() {
    case(|case| {
        let mut child = streaming(case, &["Sum"]).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"1\n\"x\"\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("PROTOCOL_INVALID_MESSAGE\n"), "{stderr}");
        drop(stdin);
    });
}

/// What the plugin tells beside its replies.
fn told(case: &Case) -> impl Iterator<Item = std::io::Result<String>> {
    let report = case.fifo("report");
    // Open for both directions, so that nobody waits for the other end.
    let report = std::fs::File::options().read(true).write(true).open(report).unwrap();
    BufReader::new(report).lines()
}

#[test]
fn f_cli_3_a_plugin_that_dies_in_a_call_is_reported() {
    case(|case| {
        let mut told = told(case);
        let child = streaming(case, &["Sleep", "60000"]).spawn().unwrap();
        assert_eq!(told.next().unwrap().unwrap(), "sleep started");
        kill_process(only_child(&child), Signal::KILL).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(6));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("TRANSPORT_PLUGIN_GONE\n"), "{stderr}");
        assert!(stderr.contains("signal 9 (SIGKILL)"), "{stderr}");
    });
}

#[test]
fn f_cli_3_ctrl_c_cancels_the_call_in_the_plugin() {
    case(|case| {
        let mut told = told(case);
        let mut child =
            with_default_signals(&streaming(case, &["Sleep", "600000"])).spawn().unwrap();
        assert_eq!(told.next().unwrap().unwrap(), "sleep started");
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        assert_eq!(told.next().unwrap().unwrap(), "sleep cancelled");
        assert_eq!(child.wait().unwrap().code(), Some(130));
    });
}

#[test]
fn f_cli_3_a_reader_that_leaves_ends_the_call() {
    case(|case| {
        let mut child = streaming(case, &["Count", "1000000000"]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "0");
        drop(lines);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    });
}

#[test]
fn f_cli_3_a_slow_reader_slows_the_plugin_down_and_not_the_way_out() {
    case(|case| {
        let mut command = with_default_signals(&streaming(case, &["Count", "1000000000"]));
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        // The pipe is full by and by, and the command waits for this test in a write.
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(143));
    });
}

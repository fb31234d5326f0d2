//! `rpcplugin check` on the plugin of these tests, and its reports.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::{
    case::{COOKIE, Case, case, program, with_default_signals},
    terminal::on_a_terminal,
};

/// The checking of our own plugin, with patience.
fn checking(case: &Case, arguments: &[&str]) -> Command {
    let mut command = case.command("check --env LEAK_GUARD_CASE --patience 20");
    command.args(["--cookie", COOKIE, "--versions", "1,2"]).args(arguments);
    command.args(["--", &program("test-plugin"), "versions=1,2"]);
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command
}

/// Without what depends on where the tests run.
fn neutral(text: &str) -> String {
    text.replace(&program("test-plugin"), "/test-plugin")
}

#[test]
fn f_cli_6_our_own_plugin_keeps_every_rule() {
    case(|case| {
        let text = case.finish(checking(case, &["--junit", "report.xml"]), 0);
        assert_eq!(text.stderr, "");
        insta::assert_snapshot!("check", neutral(&text.stdout));
        let xml = case.read("report.xml");
        // How long it took, once for all and once for the one suite.
        let untimed: String =
            xml.split("time=\"").enumerate().fold(String::new(), |all, (n, part)| {
                let rest = if n == 0 { part } else { part.split_once('"').unwrap().1 };
                all + rest
            });
        insta::assert_snapshot!("check_junit", neutral(&untimed));
    });
}

#[test]
fn f_cli_6_the_json_of_check_has_a_finding_for_each_rule() {
    case(|case| {
        let done = case.finish(checking(case, &["--json"]), 0);
        let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        let rules = case.json("check --list", 0);
        let (findings, rules) = (report["findings"].as_array().unwrap(), rules.as_array().unwrap());
        assert_eq!(findings.len(), rules.len());
        for (finding, rule) in findings.iter().zip(rules) {
            for key in ["id", "level", "section", "title", "fix"] {
                assert_eq!(finding[key], rule[key]);
            }
            assert!(finding["verdict"] != "fail" && finding["verdict"] != "warn", "{finding}");
        }
        assert_eq!(report["passed"], true);
    });
}

#[test]
fn f_cli_6_what_is_no_plugin_fails() {
    case(|case| {
        let mut command = case.command("check --cookie K=V -- /bin/true");
        command.env("PATH", std::env::var_os("PATH").unwrap());
        let done = case.finish(command, 1);
        insta::assert_snapshot!("check_true", done.stdout);
        let done = case.run("check -- /bin/true", 2);
        assert!(done.stderr.contains("no cookie was given"), "{}", done.stderr);
        case.run("check --cookie K=V", 2);
    });
}

#[test]
fn check_shows_its_progress_on_terminals_only() {
    case(|case| {
        let mut command = checking(case, &[]);
        command.env("TERM", "xterm-256color");
        let shown = on_a_terminal(command);
        assert!(shown.contains("checking: 0 of 16"), "{shown}");
        assert!(shown.contains("\u{1b}[32mpass"), "{shown}");
        // It is gone before the report.
        assert!(shown.contains("\r\u{1b}[Kplugin "), "{shown}");
    });
}

#[test]
fn ctrl_c_ends_check_and_leaves_nothing() {
    case(|case| {
        // It never prints a line, and tells when it runs.
        let fifo = case.fifo("running");
        let mut command =
            case.command("check --env LEAK_GUARD_CASE --cookie K=V --timeout 1h -- sh -c");
        command.arg(format!("echo $$ > {}; sleep 600", fifo.display()));
        command.env("PATH", std::env::var_os("PATH").unwrap());
        let mut command = with_default_signals(&command);
        let child = command.stdin(Stdio::null()).spawn().unwrap();
        let pid: i32 = std::fs::read_to_string(&fifo).unwrap().trim().parse().unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(128 + 2));
        assert!(output.stdout.is_empty());
        assert!(output.stderr.is_empty());
        // Whoever was started has been reaped before that.
        let pid = Pid::from_raw(pid).unwrap();
        let gone = (0..200).any(|_| {
            let gone = test_kill_process(pid).is_err();
            if !gone {
                std::thread::sleep(Duration::from_millis(10));
            }
            gone
        });
        assert!(gone);
    });
}

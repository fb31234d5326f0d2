use std::{io::Write as _, os::unix::fs::PermissionsExt as _, process::Stdio};

use rustix::process::{Signal, kill_process};

use super::{
    case::{COOKIE, Case, case, only_child, program},
    session::Session,
};

fn shell(case: &Case, words: &[&str]) -> std::process::Command {
    let plugin = program("test-plugin");
    let mut command = case.launching(&[&["shell", "--cookie", COOKIE], words, &[&plugin]].concat());
    command.env("XDG_STATE_HOME", case.path("state"));
    command
}

#[test]
fn a_shell_calls_methods_completes_and_remembers() {
    case(|case| {
        let mut session = Session::start(&shell(case, &[]));
        session.expect("help lists the commands");
        session.expect("test-plugin> ");
        session.type_("Cou\t 2\r");
        session.expect("Count");
        session.expect("\n0\r\n1\r\n");
        session.expect("test-plugin> ");
        session.type_("Nothing\r");
        session.expect("PROTOCOL_UNKNOWN_METHOD");
        session.expect("test-plugin> ");
        // The arrow brings back the line before the last.
        session.type_("\x1b[A\x1b[A\r");
        session.expect("\n0\r\n1\r\n");
        session.expect("test-plugin> ");
        session.type_("\x04");
        assert_eq!(session.end().0, Some(0));

        let history = case.read("state/rpcplugin/history");
        assert!(history.contains("Count 2\nNothing\n"), "{history:?}");
        let mode = |name| std::fs::metadata(case.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("state/rpcplugin"), mode("state/rpcplugin/history")), (0o700, 0o600));
    });
}

#[test]
fn ctrl_c_cancels_a_call_and_not_the_shell() {
    case(|case| {
        let mut session = Session::start(&shell(case, &[]));
        session.expect("test-plugin> ");
        session.type_("Count 1000000000\r");
        session.expect("\r\n100\r\n");
        session.type_("\x03");
        session.expect("cancelled");
        session.expect("test-plugin> ");
        // At the prompt it only drops what was typed.
        session.type_("Cou\x03");
        session.expect("test-plugin> ");
        session.type_("Blob 1\r");
        session.expect("\"AA==\"");
        session.expect("test-plugin> ");
        session.type_("exit\r");
        assert_eq!(session.end().0, Some(0));
    });
}

#[test]
fn a_shell_whose_plugin_dies_ends() {
    case(|case| {
        let mut command = shell(case, &[]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"Blob 1\n").unwrap();
        let mut line = [0; 7];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        assert_eq!(&line, b"\"AA==\"\n");
        kill_process(only_child(&child), Signal::KILL).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("TRANSPORT_PLUGIN_GONE\n"), "{stderr}");
        drop(stdin);
    });
}

#[test]
fn without_a_terminal_a_shell_carries_out_stdin() {
    case(|case| {
        let run = |script: &str, words: &[&str], code| {
            case.write("script", script);
            let mut command = shell(case, words);
            command.stdin(std::fs::File::open(case.path("script")).unwrap());
            case.finish(command, code)
        };
        let done = run("Blob 1\n\nhealth\nSum 1 2\ndescribe KV/Get\nhelp", &[], 0);
        insta::assert_snapshot!("shell", done.stdout);
        assert_eq!(done.stderr, "");
        let done = run("Nothing\nexit\n", &[], 1);
        assert!(done.stderr.contains("there is no method Nothing"), "{}", done.stderr);
        let done = run("health\n", &["--json"], 0);
        let json: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(json["status"], "SERVING");
        // Nobody remembers what a script says.
        assert!(!case.path("state").exists());
    });
}

//! How commands come to their plugin, and what they say if it does not start.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::case::{COOKIE, Case, case, program};

#[track_caller]
fn error(case: &Case, arguments: &[&str], code: i32) -> Value {
    let done = case.launch(&[&["health", "--json"], arguments].concat(), code);
    assert_eq!(done.stdout, "");
    let mut error: Value = serde_json::from_str(&done.stderr).unwrap();
    error["error"].take()
}

#[test]
fn f_cli_1_a_plugin_stands_in_one_place_and_no_secret_is_shown() {
    case(|case| {
        let wrong: [(&[&str], &str); 9] = [
            (&[], "no plugin was given"),
            (&["one"], "no cookie was given"),
            (&["--cookie", "hunter2", "one"], "the value of --cookie is not KEY=VALUE"),
            (
                &["--cookie", COOKIE, "--env", "=hunter2", "one"],
                "a value of --env is not KEY=VALUE",
            ),
            (&["--cookie", COOKIE, "--env", "ABSENT", "one"], "of this command has no ABSENT"),
            (&["one", "two", "--", "three"], "there is a word too many"),
            (&["--connect", "hunter", "one"], "the value of --connect"),
            (&["--attach", "{}", "one"], "is no record of a plugin"),
            (&["--preset", "none", "one"], "invalid value 'none' for '--preset <NAME>'"),
        ];
        for (arguments, message) in wrong {
            let error = error(case, arguments, 2);
            assert_eq!(error["code"], "CLI_USAGE", "{arguments:?}");
            let shown = error.to_string();
            assert!(shown.contains(message), "{arguments:?}: {shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    });
}

#[test]
fn f_cli_1_a_start_that_fails_says_why() {
    case(|case| {
        let plugin = program("test-plugin");
        let evil = program("evil-plugin");
        let failures: [(&[&str], &str); 6] = [
            (&["--cookie", COOKIE, "./none"], "HANDSHAKE_SPAWN_NOT_FOUND"),
            (&["--cookie", COOKIE, "true"], "HANDSHAKE_PLUGIN_EXITED"),
            (&["--cookie", COOKIE, "--", "echo", "hello"], "HANDSHAKE_NOT_A_HANDSHAKE"),
            (&["--cookie", "OTHER=hunter2", &plugin], "HANDSHAKE_PLUGIN_EXITED"),
            (&["--cookie", COOKIE, "--versions", "7", &plugin], "HANDSHAKE_VERSION_MISMATCH"),
            (&["--cookie", COOKIE, "--timeout", "300ms", "--", &evil, "hang"], "HANDSHAKE_TIMEOUT"),
        ];
        for (arguments, code) in failures {
            let error = error(case, arguments, 1);
            assert_eq!(error["code"], code, "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    });
}

#[test]
fn what_an_option_says_wins_over_the_environment() {
    case(|case| {
        let evil = program("evil-plugin");
        let arguments = ["health", "--json", "--cookie", COOKIE, "--timeout", "300ms", "--"];
        let mut command = case.launching(&[&arguments[..], &[&evil, "hang"]].concat());
        command.env("PLUGIN_START_TIMEOUT", "3600").env("PLUGIN_HANDSHAKE_TIMEOUT", "3600");
        let done = case.finish(command, 1);
        assert!(done.stderr.contains("HANDSHAKE_TIMEOUT"), "{}", done.stderr);
    });
}

#[test]
fn f_cli_1_the_cookie_may_come_from_the_settings_or_a_preset() {
    case(|case| {
        let plugin = program("test-plugin");
        let (key, value) = COOKIE.split_once('=').unwrap();
        let mut command = case.launching(&["health", &plugin]);
        command.env("PLUGIN_MAGIC_COOKIE_KEY", key).env("PLUGIN_MAGIC_COOKIE_VALUE", value);
        case.finish(command, 0);

        case.write("one.yaml", &format!("plugin_magic_cookie_key: {key}\n"));
        let mut command = case.launching(&["health", "--config", "one.yaml", &plugin]);
        command.env("PLUGIN_MAGIC_COOKIE_VALUE", value);
        case.finish(command, 0);

        // What a plugin of that application finds in its environment.
        let script = "echo $TF_PLUGIN_MAGIC_COOKIE $PLUGIN_PROTOCOL_VERSIONS >&2; exit 3";
        let error = error(case, &["--preset", "terraform", "--", "sh", "-c", script], 1);
        let cookie = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
        assert_eq!(error["report"]["stderr"][0], format!("{cookie} 5,6"));
    });
}

#[test]
fn f_cli_1_transports_tls_and_variables_reach_the_plugin() {
    case(|case| {
        let script = "echo $RPCPLUGIN_TRANSPORTS ${PLUGIN_CLIENT_CERT:-none} $ONE $TWO $THREE \
                      $PLUGIN_MULTIPLEX_GRPC >&2; exit 3";
        let arguments = [
            "health",
            "--json",
            "--cookie",
            COOKIE,
            "--transport",
            "tcp,unix",
            "--tls",
            "plaintext",
            "--env",
            "ONE=1=1",
            "--env",
            "TWO",
            "--mux",
            "--",
            "sh",
            "-c",
            script,
        ];
        let mut command = case.launching(&arguments);
        command.env("TWO", "2").env("THREE", "3");
        let done = case.finish(command, 1);
        let error: Value = serde_json::from_str(&done.stderr).unwrap();
        assert_eq!(error["error"]["report"]["stderr"][0], "tcp,unix none 1=1 2 true");
        let all = [&arguments[..2], &["--inherit-env"], &arguments[2..]].concat();
        let mut command = case.launching(&all);
        command.env("TWO", "2").env("THREE", "3");
        let done = case.finish(command, 1);
        let error: Value = serde_json::from_str(&done.stderr).unwrap();
        assert_eq!(error["error"]["report"]["stderr"][0], "tcp,unix none 1=1 2 3 true");
    });
}

/// Starts a plugin that somebody else runs, and reads its first line.
fn running(mut command: Command) -> (std::process::Child, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim_end().to_owned())
}

fn stop(mut child: std::process::Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn f_cli_1_attach_joins_a_plugin_in_test_mode_and_leaves_it_running() {
    case(|case| {
        let (child, record) = running(case.foreign(&program("test-plugin"), &["debug-attach"]));
        case.launch(&["health", "--attach", &record], 0);
        case.write("record", &record);
        case.launch(&["health", "--attach", "record", "--attach-name", "kv"], 0);
        let two = record.replacen('{', "{\"other\": {}, ", 1);
        let several = error(case, &["--attach", &two], 2);
        assert_eq!(several["message"], "--attach has several records: kv, other");
        case.launch(&["health", "--attach", &two, "--attach-name", "kv", "proto.KV"], 0);
        assert_eq!(
            error(case, &["--attach", &record, "--attach-name", "x"], 1)["code"],
            "CONFIG_INVALID"
        );
        stop(child);
    });
}

#[test]
fn f_cli_1_connect_takes_certificates_of_ones_own() {
    case(|case| {
        for command in ["cert ca --dir c", "cert issue host --dir c", "cert issue server --dir c"] {
            case.run(command, 0);
        }
        let rotating = format!("rotating={}", case.path("c").display());
        let (child, address) = running(case.foreign(&program("test-plugin"), &[&rotating]));
        let own = ["--tls-cert", "c/host.crt", "--tls-key", "c/host.key", "--tls-ca", "c/ca.crt"];
        case.launch(&[&["health", "--connect", &address], &own[..]].concat(), 0);
        let named = [&["--connect", &address], &own[..], &["--tls-name", "other"]].concat();
        assert_eq!(error(case, &named, 1)["code"], "SECURITY_CERT_UNTRUSTED");
        let partial = [&["--connect", &address], &own[..4]].concat();
        assert_eq!(error(case, &partial, 2)["message"], "--tls-cert needs --tls-ca");
        assert_eq!(error(case, &["--connect", &address], 1)["code"], "SECURITY_TLS_REQUIRED");
        stop(child);
    });
}

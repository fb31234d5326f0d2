use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::case::{COOKIE, case, only_child, program};

/// What a plugin in any language may write before its line, and how it becomes one.
const EVIL: &str = r#"{"@level":"warn","@message":"hi\u001b[2J","@module":"kv","@caller":"kv.go:7",
"@timestamp":"2026-11-24T20:00:00Z","key":"a b","word":"w","n":1}"#;

fn evil(evil: &str) -> Vec<String> {
    let text = format!("{}\\nplain\\n[ERROR] bad\\n", EVIL.replace('\n', "").replace('\\', "\\\\"));
    let words = ["logs", "--cookie", COOKIE, "--tls", "plaintext", "--", evil, "stderr", &text];
    let serving = "listen unix serve grpc line 1|1|{network}|{address}|grpc| hang";
    words.into_iter().chain(serving.split(' ')).map(str::to_owned).collect()
}

#[test]
fn the_log_of_any_plugin_is_taken_apart() {
    case(|case| {
        let words = evil(&program("evil-plugin"));
        let words = Vec::from_iter(words.iter().map(String::as_str));
        let done = case.launch(&words, 0);
        // The host's own remark that such a plugin prints nothing may come before the end.
        let lines = done.stdout.lines().filter(|line| !line.starts_with("host"));
        insta::assert_snapshot!(Vec::from_iter(lines).join("\n"), @r#"
        2026-11-24T20:00:00Z WARN   kv: hi\x1b[2J key="a b" n=1 word=w
        DEBUG  plain
        ERROR  bad
        "#);

        let done = case.launch(&[&["logs", "--json", "--level", "warn"], &words[1..]].concat(), 0);
        let lines = done.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines = Vec::from_iter(lines.filter(|line| line["stream"] == "log"));
        assert_eq!(
            lines,
            [
                json!({
                    "stream": "log", "level": "WARN", "message": "hi\\x1b[2J", "module": "kv",
                    "caller": "kv.go:7", "time": "2026-11-24T20:00:00Z",
                    "fields": { "key": "a b", "word": "w", "n": 1 },
                }),
                json!({
                    "stream": "log", "level": "ERROR", "message": "[ERROR] bad", "module": null,
                    "caller": null, "time": null, "fields": {},
                }),
            ]
        );
    });
}

#[test]
fn follow_shows_what_is_logged_and_printed_until_the_plugin_ends() {
    case(|case| {
        let plugin = program("test-plugin");
        for (signal, code) in [(Signal::TERM, 0), (Signal::KILL, 1)] {
            let words = ["logs", "--cookie", COOKIE, "--follow", "--", &plugin, "say=hello you"];
            let mut child = case.launching(&words).stdout(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut two = [lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()];
            // They come on different ways.
            two.sort_by_key(|line| line.starts_with("stdout"));
            let [logged, printed] = two;
            assert!(logged.contains("Z WARN   test_plugin: hello you length=9"), "{logged}");
            assert_eq!(printed, "stdout hello you");
            kill_process(only_child(&child), signal).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(code));
        }
    });
}

#[test]
fn a_reader_that_leaves_ends_follow_without_another_line() {
    case(|case| {
        let plugin = program("test-plugin");
        let words = ["logs", "--cookie", COOKIE, "--follow", "--", &plugin, "say=hello"];
        let mut child = case.launching(&words).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        lines.read_line(&mut String::new()).unwrap();
        drop(lines);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    });
}

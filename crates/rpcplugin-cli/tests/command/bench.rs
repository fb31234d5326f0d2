//! `rpcplugin bench`. No test looks at a time, save that percentiles are in order.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{
    case::{COOKIE, Case, Done, case, program, with_default_signals},
    terminal::{ESCAPE, terminal},
};

fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["bench", "--cookie", COOKIE].iter().chain(more).copied().collect()
}

#[track_caller]
fn bench(case: &Case, more: &[&str], code: i32) -> Done {
    case.launch(&arguments(more), code)
}

#[track_caller]
fn json(case: &Case, more: &[&str]) -> Value {
    let done = bench(case, &[more, &["--json"]].concat(), 0);
    assert_eq!(done.stderr, "");
    serde_json::from_str(&done.stdout).unwrap()
}

/// Checks that percentiles are there, and in order.
#[track_caller]
fn in_order(times: &Value) {
    let keys = ["minimum", "median", "p90", "p99", "p99_9", "maximum"];
    let all = keys.map(|key| times[key].as_f64().unwrap_or_else(|| panic!("no {key}: {times}")));
    assert!(all[0] > 0.0 && all.is_sorted(), "{times}");
}

/// Text without figures, bars and the way to programs.
fn masked(text: &str) -> String {
    let word = |word: &str| {
        let plain = word.trim_matches(|c| ",.:".contains(c));
        let number = plain.chars().all(|c| c.is_ascii_digit() || ",.".contains(c));
        match word {
            _ if ["ns", "µs", "ms", "s", "KiB", "MiB", "GiB"].contains(&plain) => {
                word.replace(plain, "UNIT")
            }
            _ if !plain.is_empty() && number => word.replace(plain, "N"),
            _ if word.contains('┤') => "┤".to_owned(),
            _ => word.rsplit('/').next().unwrap_or_default().to_owned(),
        }
    };
    let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn f_cli_5_it_shows_starts_calls_and_stops_of_two_programs() {
    case(|case| {
        let plugin = program("test-plugin");
        let done = bench(
            case,
            &["--starts", "2", "--count", "20", "--compare", &plugin, "--", &plugin],
            0,
        );
        assert_eq!(done.stderr, "");
        assert!(!done.stdout.contains(ESCAPE), "{}", done.stdout);
        insta::assert_snapshot!("bench", masked(&done.stdout));
    });
}

#[test]
fn f_cli_5_json_counts_what_was_asked_for() {
    case(|case| {
        let plugin = program("test-plugin");
        let json = json(
            case,
            &["--starts", "2", "--count", "20", "--warm-up", "1", "--concurrency", "3", &plugin],
        );
        assert_eq!(json["interrupted"], false);
        assert_eq!(json["load"]["concurrency"], 3);
        let program = &json["programs"][0];
        assert_eq!(program["ended"], Value::Null);
        assert_eq!(program["starts"]["count"], 2);
        for key in ["start", "handshake", "stop"] {
            in_order(&program["starts"][key]);
        }
        let calls = &program["calls"];
        assert_eq!((&calls["count"], &calls["failed"]), (&20.into(), &serde_json::json!({})));
        assert_eq!(calls["method"], "grpc.health.v1.Health/Check");
        in_order(&calls["latency"]);
        assert!(calls["per_second"].as_f64().unwrap() > 0.0);
        assert!(calls["memory"].as_u64().unwrap() > 0);
    });
}

#[test]
fn f_cli_5_methods_of_each_kind_are_called() {
    case(|case| {
        let plugin = program("test-plugin");
        let calls = |method: &str, message: &str| {
            let more = ["--starts", "0", "--count", "5", "--messages", "4", "--warm-up", "1"];
            let json = json(case, &[&more[..], &[&plugin, method, message]].concat());
            let mut json = json["programs"][0]["calls"].clone();
            assert_eq!(json["count"], 5, "{json}");
            assert_eq!(json["method"], format!("rpcplugin.probe.v1.Probe/{method}"));
            in_order(&json["latency"]);
            if json["first_reply"] != Value::Null {
                in_order(&json["first_reply"]);
            }
            json["replies"].take()
        };
        assert_eq!(calls("Echo", "\"AAEC\""), Value::Null);
        assert_eq!(calls("Sum", "7"), Value::Null);
        assert_eq!(calls("Count", "3"), 15);
        assert_eq!(calls("Chat", "\"AAEC\""), 20);
    });
}

#[test]
fn calls_that_are_due_at_fixed_times_are_all_made() {
    case(|case| {
        let plugin = program("test-plugin");
        let json = json(case, &["--starts", "0", "--count", "10", "--rate", "100000", &plugin]);
        assert_eq!(json["programs"][0]["calls"]["count"], 10);
        assert_eq!(json["load"]["rate"], 100_000.0);
        assert_eq!(json["programs"][0]["starts"], Value::Null);
    });
}

#[test]
fn what_cannot_be_measured_is_an_error() {
    case(|case| {
        let plugin = program("test-plugin");
        let refused = |more: &[&str], status: i32, code: &str| {
            let stderr = bench(case, &[more, &["--json"]].concat(), status).stderr;
            let json: Value = serde_json::from_str(&stderr).unwrap();
            assert_eq!(json["error"]["code"], code, "{more:?}: {json}");
        };
        let once = ["--starts", "0", "--count", "1"];
        let with = |more: &[&'static str]| -> Vec<&str> {
            once.iter().chain([&&*plugin]).copied().chain(more.iter().copied()).collect()
        };
        refused(&with(&["Nothing"]), 1, "PROTOCOL_UNKNOWN_METHOD");
        refused(&with(&["Echo", "{\"a\": 1}"]), 1, "PROTOCOL_INVALID_MESSAGE");
        refused(&with(&["--plot", "picture.png"]), 2, "CLI_USAGE");
        refused(&with(&["--plot", "nowhere/picture.svg"]), 1, "CLI_FILE");
        refused(&with(&["--rate", "0"]), 2, "CLI_USAGE");
        refused(&with(&["--concurrency", "0"]), 2, "CLI_USAGE");
        refused(&with(&["--duration", "1s"]), 2, "CLI_USAGE");
        refused(&["--compare", &plugin, "--connect", "/nowhere"], 2, "CLI_USAGE");
        refused(&["/nowhere/plugin"], 1, "HANDSHAKE_SPAWN_NOT_FOUND");
        case.write("there.svg", "mine");
        refused(&with(&["--plot", "there.svg"]), 1, "CLI_FILE_EXISTS");
        assert_eq!(case.read("there.svg"), "mine");
    });
}

#[test]
fn a_picture_is_an_svg_with_a_curve_for_each_program() {
    case(|case| {
        let plugin = program("test-plugin");
        case.write("there.svg", "mine");
        let more = ["--starts", "0", "--count", "20", "--plot", "there.svg", "--force"];
        bench(case, &[&more[..], &["--compare", &plugin, &plugin]].concat(), 0);
        let picture = case.read("there.svg");
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
        assert_eq!(picture.matches("fill-opacity").count(), 2, "{picture}");
        assert_eq!(picture.matches(": median ").count(), 2, "{picture}");
        assert!(!picture.contains("NaN") && !picture.contains("inf"), "{picture}");
    });
}

/// Runs it with stderr on a terminal, and waits until that shows a text.
fn shown(plain: &Command, text: &str) -> (Child, File) {
    let (mut screen, end) = terminal();
    let mut command = with_default_signals(plain);
    command.env("TERM", "xterm-256color").stderr(end);
    let child = command.spawn().unwrap();
    drop(command);
    let mut seen = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&seen).contains(text) {
        screen.read_exact(&mut byte).unwrap();
        seen.extend(byte);
    }
    (child, screen)
}

/// Reads what a terminal shows until nobody has it any more.
fn rest(mut screen: File) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // Linux tells of the last end's closing with an error.
        let _ = screen.read_to_end(&mut text);
        text
    })
}

#[test]
fn ctrl_c_shows_what_was_measured_and_leaves_nothing_behind() {
    case(|case| {
        let plugin = program("test-plugin");
        for (more, text, found) in [
            (["--starts", "1", "--duration", "1h"], "calling", " calls in "),
            (["--starts", "1000000", "--duration", "1h"], "starting", " starts, "),
        ] {
            let plain = case.launching(&arguments(&[&more[..], &[&plugin]].concat()));
            let (child, screen) = shown(&plain, text);
            // Between two starts it has measured one, and none before the first.
            let screen = rest(screen);
            kill_process(Pid::from_child(&child), Signal::INT).unwrap();
            let output = child.wait_with_output().unwrap();
            screen.join().unwrap();
            assert_eq!(output.status.code(), Some(130));
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(said.contains("interrupted: this is what had been measured"), "{said}");
            assert!(said.contains(found) || said.contains("nothing was measured"), "{said}");
        }
    });
}

#[test]
fn a_second_ctrl_c_ends_a_start_that_hangs() {
    case(|case| {
        let fifo = case.fifo("started");
        let evil = program("evil-plugin");
        let path = fifo.to_str().unwrap();
        let more = ["--json", "--", &evil, "report", path, "x", "child", "hang", "hang"];
        let mut child = with_default_signals(&case.launching(&arguments(&more)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        // Opening waits for the plugin, which opens it to report.
        BufReader::new(File::open(&fifo).unwrap()).read_line(&mut line).unwrap();
        let pid = Pid::from_child(&child);
        // Several that come before the first has been seen are one.
        while child.try_wait().unwrap().is_none() {
            kill_process(pid, Signal::INT).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["interrupted"], true);
        assert_eq!(json["programs"][0]["starts"], Value::Null);
    });
}

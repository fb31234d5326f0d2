//! What reaches the host's log, and what does not: `docs/faults.md` G.

#![cfg(target_os = "linux")]

use std::time::Duration;

use rpcplugin::{client::ShutdownOutcome, config::LogLevel};
use rpcplugin_tests::{
    Event, Events, Fifo,
    host::{evil_plugin, host, probe, program, test_plugin},
    leak::leak_free,
};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tonic::Code;
use tracing::Level;

const LINE: &str = "1|{version}|{network}|{address}|grpc|{cert}";

#[test]
fn g9_a_plugin_without_a_stdio_service_costs_one_warning() {
    leak_free(async |guard| {
        let events = Events::record();
        let words = ["listen", "unix", "serve", "grpc-tls", "line", LINE, "hang"];
        let client = host(guard).spawn(evil_plugin(guard, words)).await.unwrap();
        let is_it = |event: &Event| event.message.contains("no stdio service");
        events.wait_for(is_it).await;
        client.ping().await.unwrap();
        let status = probe(&client).echo(vec![]).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "the connection is as good as before");
        assert_eq!(client.shutdown().await.unwrap().outcome, ShutdownOutcome::Graceful);
        let loud: Vec<Event> =
            events.so_far().into_iter().filter(|event| event.level <= Level::WARN).collect();
        assert!(loud.len() == 1 && is_it(&loud[0]) && loud[0].level == Level::WARN, "{loud:#?}");
    });
}

#[test]
fn a_normal_life_logs_nothing_above_debug() {
    leak_free(async |guard| {
        let events = Events::record();
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        client.ping().await.unwrap();
        probe(&client).echo(b"x".to_vec()).await.unwrap();
        client.shutdown().await.unwrap();
        let all = events.so_far();
        let loud: Vec<_> = all.iter().filter(|event| event.level < Level::DEBUG).collect();
        assert!(loud.is_empty(), "{loud:#?}");
        assert!(!all.is_empty(), "the recorder works");
    });
}

#[test]
fn a_panic_in_any_language_is_one_error_with_all_its_lines() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        for lines in [
            &["panic: boom", "", "goroutine 1 [running]:", "main.main()"][..],
            &["thread 'main' (7) panicked at src/main.rs:1:1:", "no store", "note: run with"],
            &["Traceback (most recent call last):", "  File \"x\", line 1", "ValueError: x"],
        ] {
            let events = Events::record();
            let text = format!("before\\n{}\\n[INFO] after\\n", lines.join("\\n"));
            let words = ["stderr", &text, "exec", plugin.to_str().unwrap()];
            let client = host(guard).spawn(evil_plugin(guard, words)).await.unwrap();
            events.wait_for(|event| event.message == "[INFO] after").await;
            client.shutdown().await.unwrap();
            let plugins: Vec<_> = events
                .so_far()
                .into_iter()
                .filter(|event| event.target == "rpcplugin::plugin" && event.level < Level::INFO)
                .map(|event| (event.level, event.message))
                .collect();
            assert_eq!(plugins, [(Level::ERROR, lines.join("\n    "))]);
        }
    });
}

#[test]
fn g2_each_line_of_a_flood_is_logged_or_counted() {
    const LINES: usize = 100_000;
    leak_free(async |guard| {
        let events = Events::record();
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let flood = format!("flood stderr {LINES} report {} done", reports.path());
        let plugin = program("test-plugin");
        let words = ["child", &flood, "exec", plugin.to_str().unwrap()];
        let builder = host(guard).log_level(LogLevel::Debug);
        let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
        assert_eq!(reports.line().await.unwrap(), "done");
        // What is lost is told before the next line that passes. These follow the flood in the
        // pipe, so the first of them that passes is behind all of it.
        let mut probe = probe(&client);
        let mut sent = 0;
        let is_mark = |event: &Event| event.message.starts_with("mark ");
        while !events.so_far().iter().any(is_mark) {
            sent += 1;
            probe.log(format!("error:mark {sent}")).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        client.shutdown().await.unwrap();
        let (mut logged, mut counted, mut marks) = (0, 0, 0);
        for Event { message, .. } in events.so_far() {
            if let Some(number) = message.strip_prefix("mark ") {
                marks = number.parse::<usize>().unwrap() - 1;
                break;
            } else if message.starts_with("line ") {
                logged += 1;
            } else if let Some((lines, _)) = message.split_once(" lines of stderr were left") {
                counted += lines.parse::<usize>().unwrap();
            }
        }
        assert!(logged > 0 && counted > 0, "{logged} logged, {counted} counted");
        assert_eq!(logged + counted, LINES + marks, "{logged} logged, {counted} counted");
    });
}

#[test]
fn what_our_plugin_logs_is_what_every_host_reads() {
    leak_free(async |guard| {
        let (mut raw, writer) = tokio::io::duplex(1024 * 1024);
        let client = host(guard).raw_stderr(writer).spawn(test_plugin(guard)).await.unwrap();
        let mut probe = probe(&client);
        for level in ["error", "warn", "info"] {
            probe.log(format!("{level}:a \"text\"\nof two lines")).await.unwrap();
        }
        client.shutdown().await.unwrap();
        let mut stderr = String::new();
        let read = tokio::time::timeout(Duration::from_secs(10), raw.read_to_string(&mut stderr));
        read.await.unwrap().unwrap();
        let lines: Vec<Value> =
            stderr.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let ours = lines.iter().filter(|line| line["@message"] == "a \"text\"\nof two lines");
        let levels: Vec<_> = ours.map(|line| line["@level"].as_str().unwrap()).collect();
        assert_eq!(levels, ["error", "warn", "info"]);
        for line in &lines {
            for key in ["@level", "@message", "@module", "@timestamp"] {
                assert!(line[key].is_string(), "a host of Go panics at anything else: {line}");
            }
            // Exactly six digits, or a host of Go shows the whole line as text.
            let timestamp = line["@timestamp"].as_str().unwrap();
            let shape: String =
                timestamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            assert_eq!(shape, "0000-00-00T00:00:00.000000Z");
            assert!(line["timestamp"].is_null(), "hosts of Go add this one: {line}");
        }
    });
}

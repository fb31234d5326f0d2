//! A case for each setting of the process and its output.

use std::fs;

use rpcplugin::config::{Setting, Setting::*};
use rpcplugin_tests::{
    Events,
    host::{evil_plugin, probe, refusal, test_plugin},
};

use crate::{
    effects::{DEAF, environment, start},
    ways::in_every_way,
};

/// Those that have a case here.
pub(crate) const CASES: &[Setting] = &[
    LogLevel,
    InheritEnv,
    EnvAllow,
    LimitMemory,
    LimitCpuTime,
    LimitOpenFiles,
    LimitProcesses,
    LimitFileSize,
    StderrTailLines,
    StdioBufferBytes,
];

/// Asserts that a plugin runs with this limit of the system.
fn limits(setting: Setting, other: &'static str, value: &'static str, line: &'static str) {
    in_every_way(setting, other, async |set| {
        let client = start(&set, value, &[]).await;
        let all = fs::read_to_string(format!("/proc/{}/limits", client.pid())).unwrap();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let expected = words(line);
        let found = all.lines().map(words).any(|found| found.starts_with(&expected));
        assert!(found, "{:?}: {line} in\n{all}", set.way);
        client.kill().await;
    });
}

#[test]
fn log_level_is_the_lowest_that_becomes_events() {
    in_every_way(LogLevel, "info", async |set| {
        let events = Events::record();
        let words = ["stderr", "no level of its own\n"];
        let words = [&words[..], &DEAF[..]].concat();
        let client = set.host("debug").spawn(evil_plugin(set.guard, words)).await.unwrap();
        events.wait_for(|event| event.message.contains("no level of its own")).await;
        client.kill().await;
    });
}

#[test]
fn inherit_env_passes_the_hosts_environment() {
    // The environment may take back what the program passes, and not the reverse.
    in_every_way(InheritEnv, "true", async |set| {
        let host =
            set.host("true").environment([("OF_THE_HOST", "1"), ("PLUGIN_SERVER_PORT", "1")]);
        let client = host.spawn(test_plugin(set.guard)).await.unwrap();
        let found = environment(&client);
        assert!(found.contains_key("OF_THE_HOST"), "{:?}", set.way);
        assert!(!found.contains_key("PLUGIN_SERVER_PORT"), "{:?}", set.way);
        client.kill().await;
    });
}

#[test]
fn env_allow_names_further_variables() {
    in_every_way(EnvAllow, "OTHER", async |set| {
        let variables = [("MARK_ONE", "1"), ("PLUGIN_LOG_LEVEL", "warn"), ("OTHER", "1")];
        let host = set.host("MARK_*,PLUGIN_LOG_LEVEL").environment(variables);
        let client = host.spawn(test_plugin(set.guard)).await.unwrap();
        let found = environment(&client);
        assert!(found.contains_key("MARK_ONE") && !found.contains_key("OTHER"), "{:?}", set.way);
        assert_eq!(found["PLUGIN_LOG_LEVEL"], "warn");
        client.kill().await;
    });
}

#[test]
fn limit_memory_ends_a_plugin_that_takes_more() {
    in_every_way(LimitMemory, "4GiB", async |set| {
        let words = ["allocate", "300", "hang"];
        let error = refusal(set.host("100MiB"), evil_plugin(set.guard, words)).await;
        let report = error.report().unwrap().to_string();
        assert!(report.contains("limit of 104857600 bytes"), "{:?}: {report}", set.way);
    });
}

#[test]
fn limit_cpu_time_is_the_systems() {
    limits(LimitCpuTime, "1000", "77", "Max cpu time 77");
}

#[test]
fn limit_open_files_is_the_systems() {
    limits(LimitOpenFiles, "100", "77", "Max open files 77 77");
}

#[test]
fn limit_file_size_is_the_systems() {
    limits(LimitFileSize, "1GiB", "64MiB", "Max file size 67108864 67108864");
}

#[test]
fn limit_processes_is_the_systems_or_refused_where_it_does_not_bind() {
    in_every_way(LimitProcesses, "0", async |set| {
        // Root is not bound, and a cgroup is not everywhere.
        match set.host("777").spawn(test_plugin(set.guard)).await {
            Ok(client) => {
                let pid = client.pid();
                let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
                let group = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
                let counted = group.trim().strip_prefix("0::").is_some_and(|path| {
                    let file = format!("/sys/fs/cgroup{path}/pids.max");
                    fs::read_to_string(file).is_ok_and(|most| most.trim() == "777")
                });
                assert!(limits.contains(" 777 ") || counted, "{:?}: {limits}", set.way);
                client.kill().await;
            }
            Err(error) => {
                assert_eq!(error.code(), "SECURITY_ISOLATION_FAILED", "{:?}", set.way);
                assert!(error.to_string().contains("limit_processes"), "{error}");
            }
        }
    });
}

#[test]
fn stderr_tail_lines_are_what_reports_hold() {
    in_every_way(StderrTailLines, "50", async |set| {
        let words = ["stderr", "one\\ntwo\\nthree\\n", "exit", "3"];
        let error = refusal(set.host("2"), evil_plugin(set.guard, words)).await;
        assert_eq!(error.report().unwrap().stderr, ["two", "three"], "{:?}", set.way);
    });
}

#[test]
fn stdio_buffer_bytes_are_kept_for_slow_readers() {
    in_every_way(StdioBufferBytes, "1MiB", async |set| {
        let client = start(&set, "4096", &[]).await;
        let mut stdio = client.stdio();
        probe(&client).print("x".repeat(20_000)).await.unwrap();
        // When the end arrives, all that was before it has.
        probe(&client).print("!".to_owned()).await.unwrap();
        client.clone().shutdown().await.unwrap();
        let (mut lost, mut kept) = (0, 0);
        while let Some(chunk) = stdio.next().await {
            (lost, kept) = (lost + chunk.lost, kept + chunk.data.len() as u64);
        }
        assert_eq!(lost + kept, 20_001, "{:?}", set.way);
        assert!(kept <= 4096, "{:?}: {kept}", set.way);
    });
}

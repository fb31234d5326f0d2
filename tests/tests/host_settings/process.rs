//! A case for each setting of the process and its output.

use std::fs;

use rpcplugin::config::Setting;
use rpcplugin_tests::{
    Events, Unprivileged,
    host::{evil_plugin, probe, refusal, test_plugin},
    not_tested,
};

use crate::{
    effects::{DEAF, environment, start},
    ways::{Set, cases},
};

/// Asserts that a plugin runs with this limit of the system.
async fn limits(set: &Set<'_>, value: &str, line: &str) {
    let client = start(set, value, &[]).await;
    let all = fs::read_to_string(format!("/proc/{}/limits", client.pid())).unwrap();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let expected = words(line);
    let found = all.lines().map(words).any(|found| found.starts_with(&expected));
    assert!(found, "{:?}: {line} in\n{all}", set.way);
    client.kill().await;
}

cases! {
    limit_cpu_time_is_the_systems: LimitCpuTime, "1000", async |set| {
        limits(&set, "77", "Max cpu time 77").await;
    };

    limit_open_files_is_the_systems: LimitOpenFiles, "100", async |set| {
        limits(&set, "77", "Max open files 77 77").await;
    };

    limit_file_size_is_the_systems: LimitFileSize, "1GiB", async |set| {
        limits(&set, "64MiB", "Max file size 67108864 67108864").await;
    };

    // Nobody adds what another layer did not pass, so in the layer above it is taken back.
    inherit_env_passes_the_hosts_environment: InheritEnv, "true", async |set| {
        let (value, passed) = if set.way.is_over() { ("false", false) } else { ("true", true) };
        let host =
            set.host(value).environment([("OF_THE_HOST", "1"), ("PLUGIN_SERVER_PORT", "1")]);
        let client = host.spawn(test_plugin(set.guard)).await.unwrap();
        let found = environment(&client);
        assert_eq!(found.contains_key("OF_THE_HOST"), passed, "{:?}", set.way);
        assert!(!found.contains_key("PLUGIN_SERVER_PORT"), "{:?}", set.way);
        client.kill().await;
    };

    log_level_is_the_lowest_that_becomes_events: LogLevel, "info", async |set| {
        let events = Events::record();
        let words = ["stderr", "no level of its own\n"];
        let words = [&words[..], &DEAF[..]].concat();
        let client = set.host("debug").spawn(evil_plugin(set.guard, words)).await.unwrap();
        events.wait_for(|event| event.message.contains("no level of its own")).await;
        client.kill().await;
    };

    env_allow_names_further_variables: EnvAllow, "OTHER", async |set| {
        let variables = [("MARK_ONE", "1"), ("PLUGIN_LOG_LEVEL", "warn"), ("OTHER", "1")];
        let host = set.host("MARK_*,PLUGIN_LOG_LEVEL").environment(variables);
        let client = host.spawn(test_plugin(set.guard)).await.unwrap();
        let found = environment(&client);
        assert!(found.contains_key("MARK_ONE") && !found.contains_key("OTHER"), "{:?}", set.way);
        assert_eq!(found["PLUGIN_LOG_LEVEL"], "warn");
        client.kill().await;
    };

    limit_memory_ends_a_plugin_that_takes_more: LimitMemory, "4GiB", async |set| {
        let words = ["allocate", "300", "hang"];
        let error = refusal(set.host("100MiB"), evil_plugin(set.guard, words)).await;
        let report = error.report().unwrap().to_string();
        assert!(report.contains("limit of 104857600 bytes"), "{:?}: {report}", set.way);
    };

    stderr_tail_lines_are_what_reports_hold: StderrTailLines, "50", async |set| {
        let words = ["stderr", "one\\ntwo\\nthree\\n", "exit", "3"];
        let error = refusal(set.host("2"), evil_plugin(set.guard, words)).await;
        assert_eq!(error.report().unwrap().stderr, ["two", "three"], "{:?}", set.way);
    };

    stdio_buffer_bytes_are_kept_for_slow_readers: StdioBufferBytes, "1MiB", async |set| {
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
    };

    limit_processes_is_the_systems: LimitProcesses, "0", async |set| {
        // Root is not bound by it.
        let test = "limit_processes_is_the_systems";
        let user = Unprivileged::new(set.guard, test);
        let host = set.host("777");
        let (host, plugin) = match &user {
            Some(user) => {
                let number = user.number().to_string();
                (host.user(&number).group(number), user.command(set.guard, "test-plugin"))
            }
            None => (host, test_plugin(set.guard)),
        };
        let client = match host.spawn(plugin).await {
            Err(error) if user.is_none() && error.code() == "SECURITY_ISOLATION_FAILED" => {
                return not_tested(test, error);
            }
            started => started.unwrap(),
        };
        let limits = fs::read_to_string(format!("/proc/{}/limits", client.pid())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max processes")).unwrap();
        assert!(line.contains(" 777 "), "{:?}: {line}", set.way);
        client.kill().await;
    };
}

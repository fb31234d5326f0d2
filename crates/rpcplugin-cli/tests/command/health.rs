use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};

use super::case::{COOKIE, case, only_child, program};

#[test]
fn f_cli_4_health_is_that_of_the_plugin_or_of_one_service() {
    case(|case| {
        let plugin = program("test-plugin");
        let done = case.launch(&["health", "--cookie", COOKIE, &plugin], 0);
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("plugin: SERVING\n", ""));
        let done = case.launch(&["health", "--cookie", COOKIE, &plugin, "proto.KV"], 0);
        assert_eq!(done.stdout, "proto.KV: SERVING\n");
        let done = case.launch(&["health", "--cookie", COOKIE, "proto.Other", "--", &plugin], 1);
        assert_eq!(done.stdout, "proto.Other: SERVICE_UNKNOWN\n");
        let done = case.launch(&["health", "--cookie", COOKIE, &plugin, "--json"], 0);
        let json: Value = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(json, json!({ "service": "plugin", "status": "SERVING", "healthy": true }));
    });
}

#[test]
fn f_cli_4_watch_shows_each_change_until_the_plugin_ends() {
    case(|case| {
        let plugin = program("test-plugin");
        let mut command =
            case.launching(&["health", "--cookie", COOKIE, "--watch", "--json", &plugin]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(first["status"], "SERVING");
        let plugin = only_child(&child);
        kill_process(plugin, Signal::TERM).unwrap();
        // It drains, or is gone before that can be told.
        let rest: Vec<_> = lines.map(Result::unwrap).collect();
        assert!(rest.iter().all(|line| line.contains("\"healthy\":false")), "{rest:?}");
        assert_eq!(child.wait().unwrap().code(), Some(1));
    });
}

use regex::Regex;
use serde_json::Value;

use super::case::{COOKIE, case, program};

/// Makes a text the same in each run.
fn steady(text: &str, plugin: &str) -> String {
    let text = text.replace(plugin, "PLUGIN");
    let changes = [
        // Other tests may add to the plugin.
        (r"(?s)\n  rpcplugin\.probe\.v1\.Probe\n.*?\n  and", "\n  and"),
        (r"process \d+", "process PID"),
        (r"/\S+/rpcplugin-\w+/plugin\w+", "SOCKET"),
        (r"MII\S+", "CERTIFICATE"),
        (r"\d+ characters", "N characters"),
        (r"serial:( +)[0-9a-f]+", "serial:${1}SERIAL"),
        (r"\d{4}-\d\d-\d\dT\S+Z", "DATE"),
        (r"[0-9a-f]{64}", "FINGERPRINT"),
        (r" *\d+\.\d ms", " TIME"),
        (r"\d+\.\d MiB", "SIZE"),
        (r"descriptors( +)\d+", "descriptors${1}N"),
    ];
    changes.iter().fold(text, |text, (from, to)| {
        Regex::new(from).unwrap().replace_all(&text, *to).into_owned()
    })
}

#[test]
fn f_cli_2_inspect_tells_what_a_plugin_is() {
    case(|case| {
        let plugin = program("test-plugin");
        let words = ["inspect", "--cookie", COOKIE, "--versions", "1,3", "--mux", "--", &plugin];
        let done = case.launch(&[&words[..], &["versions=2,3"]].concat(), 0);
        assert_eq!(done.stderr, "");
        insta::assert_snapshot!("inspect", steady(&done.stdout, &plugin));
    });
}

#[test]
fn f_cli_2_the_json_of_inspect_has_a_stable_shape() {
    case(|case| {
        let plugin = program("test-plugin");
        let words = ["inspect", "--json", "--cookie", COOKIE, "--tls", "plaintext", &plugin];
        let mut json: Value = serde_json::from_str(&case.launch(&words, 0).stdout).unwrap();
        for time in json["start_ms"].as_object_mut().unwrap().values_mut() {
            assert!(time.as_f64().unwrap() >= 0.0);
            *time = "TIME".into();
        }
        assert!(json["usage"]["memory_bytes"].as_u64().unwrap() > 0);
        let line = json["handshake"]["line"].as_str().unwrap().to_owned();
        let address = json["handshake"]["address"].as_str().unwrap().to_owned();
        assert_eq!(line, format!("1|1|unix|{address}|grpc|"));
        for (pointer, word) in [
            ("/usage/memory_bytes", "SIZE"),
            ("/usage/cpu_ms", "TIME"),
            ("/usage/descriptors", "N"),
            ("/stop/took_ms", "TIME"),
            ("/pid", "PID"),
            ("/handshake/line", "LINE"),
            ("/handshake/address", "SOCKET"),
            ("/connection/address", "SOCKET"),
            ("/plugin", "PLUGIN"),
        ] {
            *json.pointer_mut(pointer).unwrap() = word.into();
        }
        // What services there are is another test's.
        assert_eq!(json["services"].take(), Value::Null);
        let error = json["services_error"].take();
        assert_eq!(error["code"], "PROTOCOL_NO_DESCRIPTORS");
        insta::assert_snapshot!("inspect_json", format!("{json:#}"));
    });
}

#[test]
fn f_cli_2_inspect_shows_what_the_plugin_says_and_how_it_stops() {
    case(|case| {
        let evil = program("evil-plugin");
        let words = ["inspect", "--cookie", COOKIE, "--tls", "plaintext", "--", &evil, "stderr"];
        let serving = "listen unix serve deaf line 1|1|{network}|{address}|grpc| hang";
        let serving = Vec::from_iter(serving.split(' '));
        let mut command = case.launching(&[&words[..], &["[WARN] oh\\n"], &serving].concat());
        command.env("PLUGIN_GRPC_GRACE_PERIOD", "0.1");
        let done = case.finish(command, 0);
        assert!(done.stdout.contains("\nLog\n  WARN   oh\n"), "{}", done.stdout);
        assert!(done.stdout.contains("outcome       terminated after "), "{}", done.stdout);
        assert!(done.stdout.contains("certificate   none  (it serves"), "{}", done.stdout);
    });
}

#[test]
fn inspect_of_a_plugin_that_does_not_start_says_why() {
    case(|case| {
        let done =
            case.launch(&["inspect", "--cookie", COOKIE, "--", "sh", "-c", "echo no >&2"], 1);
        assert_eq!(done.stdout, "");
        assert!(done.stderr.starts_with("HANDSHAKE_PLUGIN_EXITED\n"), "{}", done.stderr);
        assert!(done.stderr.contains("stderr: no"), "{}", done.stderr);
    });
}

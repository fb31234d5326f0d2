use serde_json::{Value, json};

use super::case::{COOKIE, Case, Done, case, program};

#[track_caller]
fn call(case: &Case, arguments: &[&str], code: i32) -> Done {
    let plugin = program("test-plugin");
    case.launch(&[&["call", "--cookie", COOKIE, &plugin], arguments].concat(), code)
}

#[test]
fn f_cli_3_a_unary_call_prints_its_reply() {
    case(|case| {
        let done = call(case, &["proto.KV/Put", r#"{"key": "a", "value": "aGk="}"#], 0);
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("{}\n", ""));
        assert_eq!(call(case, &["echo", r#""aGk=""#], 0).stdout, "\"aGk=\"\n");
        // Without parameters the request is empty.
        let environment = call(case, &["Environment"], 0).stdout;
        assert!(environment.contains("LEAK_GUARD_CASE"), "{environment}");
        let plugin = program("test-plugin");
        let words = ["call", "--cookie", COOKIE, "--json", "Blob", "3", "--", &plugin];
        assert_eq!(case.launch(&words, 0).stdout, "\"AAAA\"\n");
    });
}

#[test]
fn f_cli_3_the_exit_code_tells_what_kind_of_failure_it_was() {
    case(|case| {
        let failures: [(&[&str], i32, &str); 13] = [
            (&["Fail", r#""5:nope""#], 25, "PROTOCOL_STATUS"),
            (&["Fail", r#""16:who?""#], 36, "PROTOCOL_STATUS"),
            (&["Fail", r#""8:enough""#], 28, "PROTOCOL_LIMIT"),
            (&["--deadline", "50ms", "Sleep", "60000"], 24, "TRANSPORT_DEADLINE"),
            (&["Fial"], 2, "PROTOCOL_UNKNOWN_METHOD"),
            (&["Store/Get"], 2, "PROTOCOL_UNKNOWN_SERVICE"),
            (&["KV/Get", r#"{"kye": "a"}"#], 2, "PROTOCOL_INVALID_MESSAGE"),
            (&["KV/Get", "{"], 2, "PROTOCOL_INVALID_MESSAGE"),
            (&["--metadata", "hunter2", "Echo"], 2, "CLI_USAGE"),
            (&["--metadata", "a-bin=hunter2!", "Echo"], 2, "CLI_USAGE"),
            (&["--versions", "9", "Echo"], 4, "HANDSHAKE_VERSION_MISMATCH"),
            (&["--tls", "plaintext", "Echo"], 7, "PROTOCOL_NO_DESCRIPTORS"),
            (&["--config", "none.yaml", "Echo"], 3, "CONFIG_FILE_NOT_FOUND"),
        ];
        for (arguments, code, name) in failures {
            let done = call(case, &[&["--json"], arguments].concat(), code);
            assert_eq!(done.stdout, "");
            let error: Value = serde_json::from_str(&done.stderr).unwrap();
            assert_eq!(error["error"]["code"], name, "{error}");
            assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
        }
        assert!(call(case, &[], 2).stderr.contains("no method was named"));
    });
}

#[test]
fn f_cli_3_metadata_reaches_the_plugin_and_headers_are_shown_on_stderr() {
    case(|case| {
        let words = ["--headers", "--metadata", "a=b", "--metadata", "c-bin=AAE", "Echo", "\"\""];
        let done = call(case, &words, 0);
        assert_eq!(done.stdout, "\"\"\n");
        assert!(done.stderr.contains("headers: version: 1\n"), "{}", done.stderr);
        assert!(done.stderr.contains("trailers: grpc-status: 0\n"), "{}", done.stderr);
        let done = call(case, &[&["--json"], &words[..]].concat(), 0);
        let aside = done.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let aside = Vec::from_iter(aside);
        assert_eq!(aside[0]["headers"]["version"], json!(["1"]));
        assert_eq!(aside[1]["trailers"]["grpc-status"], json!(["0"]));
    });
}

#[test]
fn f_cli_3_a_call_can_be_repeated() {
    case(|case| {
        let done = call(case, &["--repeat", "3", "Blob", "1"], 0);
        assert_eq!(done.stdout, "\"AA==\"\n".repeat(3));
        assert!(done.stderr.starts_with("3 calls: mean "), "{}", done.stderr);
        let done = call(case, &["--repeat", "3", "Sum", "-"], 2);
        assert!(done.stderr.contains("stdin can be read only once"), "{}", done.stderr);
    });
}

#[test]
fn descriptors_may_come_from_files() {
    case(|case| {
        let plugin = program("test-plugin");
        std::fs::create_dir(case.path("kv")).unwrap();
        case.write("kv/kv.proto", include_str!("../../../../proto/kv.proto"));
        let get = |more: &[&str], code| {
            let own = ["call", "--cookie", COOKIE, "--tls", "plaintext"];
            case.launch(&[&own[..], more, &[&plugin, "Get", r#"{"key": "a"}"#]].concat(), code)
        };
        // The plugin has no such key, and says so: the call was made.
        get(&["--proto", "kv/kv.proto"], 25);
        get(&["--proto", "kv/kv.proto", "--proto-path", "kv"], 25);
        std::fs::write(case.path("kv.pb"), rpcplugin_proto::kv::FILE_DESCRIPTOR_SET).unwrap();
        get(&["--descriptors", "kv.pb"], 25);
        case.write("text", "no descriptors");
        assert!(get(&["--descriptors", "text"], 3).stderr.starts_with("CONFIG_INVALID\n"));
        assert!(get(&["--descriptors", "none"], 1).stderr.starts_with("CLI_FILE\n"));
    });
}

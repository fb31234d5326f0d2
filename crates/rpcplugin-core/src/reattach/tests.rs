use proptest::prelude::*;

use super::*;

const KV: &str = r#"{"kv":{"Protocol":"grpc","ProtocolVersion":6,"Pid":123,"Test":true,"Addr":{"Network":"unix","String":"/run/x/plugin1"}}}"#;

#[track_caller]
fn refused(json: &str, code: &str, message: &str) {
    let error = Reattach::from_json(json, "kv").unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (code, message));
}

/// A record with one key replaced.
fn with(key: &str, value: &Value) -> String {
    let mut map: Value = serde_json::from_str(KV).unwrap();
    map["kv"][key] = value.clone();
    map.to_string()
}

#[test]
fn the_five_keys_of_the_wire_are_read() {
    let record = Reattach::from_json(KV, "kv").unwrap();
    let mut expected = Reattach::new(123, Address::Unix("/run/x/plugin1".into()), 6);
    expected.test = true;
    assert_eq!(record, expected);
}

#[test]
fn what_is_written_is_the_wire_and_is_read_back() {
    let mut record = Reattach::from_json(KV, "kv").unwrap();
    let written: Value = serde_json::from_str(&record.to_json("kv").unwrap()).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(KV).unwrap());
    record.start_time = Some(u64::MAX);
    record.boot_id = Some("7f2a".to_owned());
    record.plugin_cert = CertificateField::from_der(&[7; 100]);
    record.address = Address::Tcp(([127, 0, 0, 1], 4000).into());
    let json = record.to_json("a \"name\"").unwrap();
    assert!(!json.contains('\n') && !json.contains('='), "{json}");
    assert_eq!(Reattach::from_json(&json, "a \"name\"").unwrap(), record);
}

#[test]
fn unknown_keys_and_the_other_records_do_not_matter() {
    let json = with("Cookie", &json!({ "deep": [1, 2, 3] }));
    let json = json.replacen('{', r#"{"broken":17,"netrpc":{},"#, 1);
    assert_eq!(Reattach::from_json(&json, "kv").unwrap().pid, 123);
}

#[test]
fn what_is_no_record_is_refused_by_what_is_wrong() {
    let config = "CONFIG_INVALID";
    refused(
        "{",
        config,
        "reattach cannot be \"EOF while parsing an object at line 1 column 1\": expected JSON, a map from names to records",
    );
    let names = |names: &str| {
        format!("reattach cannot be {names:?}: expected a record of the plugin's name among them")
    };
    refused("[]", config, &names("records []"));
    refused(r#"{"other":{}}"#, config, &names(r#"records ["other"]"#));
    refused(&with("Pid", &json!(-1)), config, r#"reattach cannot be "Pid -1": expected a number"#);
    for pid in [json!(0), json!("7"), json!(1.5), json!(u64::MAX), json!([1])] {
        assert_eq!(Reattach::from_json(&with("Pid", &pid), "kv").unwrap_err().code(), config);
    }
    refused(
        &with("Pid", &Value::Null),
        config,
        r#"reattach cannot be "no Pid": expected the process's id"#,
    );
    refused(
        &with("Test", &json!(1)),
        config,
        r#"reattach cannot be "Test": expected true or false"#,
    );
    let netrpc = Reattach::from_json(&with("Protocol", &Value::Null), "kv").unwrap_err();
    assert_eq!(netrpc.code(), "HANDSHAKE_PROTOCOL_UNSUPPORTED");
    assert!(netrpc.to_string().contains("netrpc"), "{netrpc}");
    let address = json!({ "Network": "unix", "String": "relative" });
    let error = Reattach::from_json(&with("Addr", &address), "kv").unwrap_err();
    assert_eq!(error.code(), "HANDSHAKE_ADDRESS");
}

#[test]
fn go_plugins_own_form_of_the_address_is_not_taken() {
    // What Go's encoder makes of a `net.Addr`.
    let address = json!({ "Name": "/run/x/plugin1", "Net": "unix" });
    let error = Reattach::from_json(&with("Addr", &address), "kv").unwrap_err();
    assert_eq!(error.code(), "HANDSHAKE_ADDRESS");
}

#[test]
fn a_text_that_is_too_long_is_not_read() {
    let error = Reattach::from_json(&" ".repeat(limits::REATTACH + 1), "kv").unwrap_err();
    assert_eq!(error.code(), "CONFIG_INVALID");
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}", name in ".{0,10}") {
        let _ = Reattach::from_json(&text, &name);
    }

    #[test]
    fn no_value_of_a_key_panics(
        key in prop::sample::select(&[
            "Protocol", "ProtocolVersion", "Pid", "Test", "Addr", "StartTime", "BootId", "PluginCert",
        ][..]),
        number: i64,
        text in ".{0,40}",
    ) {
        for value in [json!(number), json!(text), json!([text]), json!({ "String": text })] {
            let _ = Reattach::from_json(&with(key, &value), "kv");
        }
    }

    #[test]
    fn every_record_that_can_be_written_is_read_back(
        pid in 1..i32::MAX.unsigned_abs(),
        port in 1..u16::MAX,
        version: u32,
        test: bool,
        start_time: Option<u64>,
        boot_id in prop::option::of(".{0,40}"),
        name in ".{0,20}",
    ) {
        let mut record = Reattach::new(pid, Address::Tcp(([127, 0, 0, 1], port).into()), version);
        (record.test, record.start_time, record.boot_id) = (test, start_time, boot_id);
        let json = record.to_json(&name).unwrap();
        prop_assert_eq!(Reattach::from_json(&json, &name).unwrap(), record);
    }
}

use super::*;

fn vars(list: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    list.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn composed(
    policy: &EnvironmentPolicy,
    host: &[(&str, &str)],
    caller: &[(&str, Option<&str>)],
    launch: &[(&str, &str)],
) -> Result<Vec<(String, String)>, ConfigError> {
    let caller: Vec<(OsString, Option<OsString>)> =
        caller.iter().map(|(name, value)| ((*name).into(), value.map(Into::into))).collect();
    let own = ["PARENT_COOKIE".to_owned()];
    let all = compose(policy, vars(host).into_iter(), &own, &caller, &vars(launch))?;
    Ok(all
        .into_iter()
        .map(|(name, value)| (name.into_string().unwrap(), value.into_string().unwrap()))
        .collect())
}

fn names(policy: &EnvironmentPolicy, host: &[&str]) -> Vec<String> {
    let host: Vec<_> = host.iter().map(|name| (*name, "x")).collect();
    composed(policy, &host, &[], &[]).unwrap().into_iter().map(|(name, _)| name).collect()
}

fn allowing(allow: &[&str], inherit: bool) -> EnvironmentPolicy {
    EnvironmentPolicy { inherit, allow: allow.iter().map(|name| (*name).to_owned()).collect() }
}

#[track_caller]
fn refused(policy: &EnvironmentPolicy, caller: &[(&str, Option<&str>)], message: &str) {
    let error = composed(policy, &[], caller, &[("KV_COOKIE", "secret")]).unwrap_err();
    assert_eq!(error.code(), "CONFIG_ENV");
    assert_eq!(error.to_string(), message);
}

const NESTED: &[&str] = &[
    "AWS_SECRET",
    "HOME",
    "LC_ALL",
    "LD_PRELOAD",
    "PARENT_COOKIE",
    "PATH",
    "PLUGIN_CLIENT_CERT",
    "PLUGIN_LOG_LEVEL",
    "PLUGIN_UNIX_SOCKET_DIR",
    "PYTHONPATH",
    "RPCPLUGIN_LIFELINE",
    "TMPDIR",
];

#[test]
fn by_default_only_the_allow_list_passes() {
    assert_eq!(names(&allowing(&[], false), NESTED), ["HOME", "LC_ALL", "PATH", "TMPDIR"]);
}

#[test]
fn a_panic_shows_as_much_in_a_plugin_as_in_its_host() {
    let host = ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE", "RUST_LOG"];
    assert_eq!(names(&allowing(&[], false), &host), ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE"]);
}

#[test]
fn inheriting_leaves_out_injection_cookies_and_handshake_variables() {
    assert_eq!(
        names(&allowing(&[], true), NESTED),
        ["AWS_SECRET", "HOME", "LC_ALL", "PATH", "TMPDIR"]
    );
}

#[test]
fn what_is_named_passes_one_by_one() {
    let policy = allowing(&["LD_PRELOAD", "PARENT_COOKIE", "PLUGIN_LOG_LEVEL"], false);
    assert_eq!(
        names(&policy, NESTED),
        ["HOME", "LC_ALL", "LD_PRELOAD", "PARENT_COOKIE", "PATH", "PLUGIN_LOG_LEVEL", "TMPDIR"]
    );
}

#[test]
fn patterns_reach_neither_injection_nor_handshake_variables() {
    assert_eq!(
        names(&allowing(&["*"], false), NESTED),
        ["AWS_SECRET", "HOME", "LC_ALL", "PATH", "TMPDIR"]
    );
    assert_eq!(
        names(&allowing(&["AWS_*", "LD_*", "PLUGIN_*"], false), NESTED),
        ["AWS_SECRET", "HOME", "LC_ALL", "PATH", "PLUGIN_LOG_LEVEL", "TMPDIR"]
    );
}

#[test]
fn the_caller_wins_over_the_host_and_the_launch_over_both() {
    let host = [("PATH", "/host"), ("HOME", "/root"), ("TMPDIR", "/tmp")];
    let caller = [
        ("PATH", Some("/mine")),
        ("HOME", None),
        ("LD_PRELOAD", Some("x")),
        ("TMPDIR", Some("/t")),
    ];
    let launch = [("TMPDIR", "/private"), ("KV_COOKIE", "secret")];
    let expected =
        [("KV_COOKIE", "secret"), ("LD_PRELOAD", "x"), ("PATH", "/mine"), ("TMPDIR", "/private")];
    assert_eq!(
        composed(&EnvironmentPolicy::default(), &host, &caller, &launch).unwrap(),
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn values_may_hold_newlines_and_any_bytes() {
    let caller = [("KEY", Some("a\nb=c"))];
    let all = composed(&EnvironmentPolicy::default(), &[], &caller, &[]).unwrap();
    assert_eq!(all, [("KEY".to_owned(), "a\nb=c".to_owned())]);
}

#[test]
fn impossible_entries_are_refused() {
    let policy = EnvironmentPolicy::default();
    refused(
        &policy,
        &[("", Some("x"))],
        r#"environment entry "" cannot be passed: the name is empty"#,
    );
    refused(
        &policy,
        &[("A=B", None)],
        r#"environment entry "A=B" cannot be passed: the name holds = or NUL"#,
    );
    refused(
        &policy,
        &[("A", Some("x\0"))],
        r#"environment entry "A" cannot be passed: the value holds NUL"#,
    );
}

#[test]
fn the_variables_of_the_handshake_are_the_hosts_alone() {
    let policy = EnvironmentPolicy::default();
    for name in ["PLUGIN_CLIENT_CERT", "KV_COOKIE"] {
        let message = format!(
            "environment entry {name:?} cannot be passed: the host sets it from its own settings"
        );
        refused(&policy, &[(name, Some("x"))], &message);
    }
    refused(
        &allowing(&["PLUGIN_MIN_PORT"], true),
        &[],
        r#"environment entry "PLUGIN_MIN_PORT" cannot be passed: it belongs to the handshake and is made afresh"#,
    );
    assert!(
        composed(&policy, &[], &[("PLUGIN_CLIENT_CERT", None)], &[]).unwrap().is_empty(),
        "removing one is not setting it"
    );
}

#[test]
fn malformed_entries_of_the_host_are_left_out() {
    let policy = allowing(&[], true);
    assert_eq!(names(&policy, &["=C:", "A"]), ["A"]);
}

#[test]
fn secret_settings_and_settings_of_the_plugin_reach_none_by_inheritance() {
    let host = ["PLUGIN_SERVER_KEY", "PLUGIN_MAGIC_COOKIE_VALUE", "SUPPORTED_PROTOCOL_VERSIONS"];
    assert!(names(&allowing(&[], true), &host).is_empty());
    assert_eq!(
        names(&allowing(&["PLUGIN_*", "SUPPORTED_PROTOCOL_VERSIONS"], true), &host),
        ["SUPPORTED_PROTOCOL_VERSIONS"]
    );
    refused(
        &allowing(&["PLUGIN_SERVER_KEY"], true),
        &[],
        r#"environment entry "PLUGIN_SERVER_KEY" cannot be passed: its value is a secret; a file can tell it to the plugin"#,
    );
}

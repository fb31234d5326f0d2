//! What each way to name files, profiles and demands does, and what no layer may lower.

use super::*;

#[test]
fn values_of_a_second_program_join_the_first() {
    let first = Values::new().start_timeout(Duration::from_secs(3)).tls_demanded("Tls::Custom");
    let builder = Config::builder().program(first).program(Values::new().host_min_port(10_001));
    let config = builder.clone().build().unwrap();
    assert_eq!(config.start_timeout(), Duration::from_secs(3));
    assert_eq!(config.host_min_port(), 10_001);
    let error = builder.environment([("PLUGIN_INSECURE", "true")]).build().unwrap_err();
    assert_eq!(error.code(), "SECURITY_CONFIG_CONFLICT");
}

#[test]
fn a_profile_among_values_is_overlaid_or_refused() {
    let build = |name: &str| Config::builder().program(Values::new().profile(name)).build();
    let config = build("go-plugin").unwrap();
    assert!(config.inherit_env());
    assert_eq!(config.profile(), Some("go-plugin"));
    assert_eq!(build("mine").unwrap_err().code(), "CONFIG_UNKNOWN_PROFILE");
}

#[cfg(feature = "config-files")]
#[test]
fn a_profile_whose_name_needs_escapes_is_known() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("one.json");
    // Invisible, and no control character.
    let name = "a\u{200f}b";
    let text = format!("{{\"profile\": {{\"{name}\": {{\"plugin_start_timeout\": 3}}}}}}");
    std::fs::write(&path, text).unwrap();
    let config = Config::builder().file(&path).profile(name).build().unwrap();
    assert_eq!(config.start_timeout(), Duration::from_secs(3));
    let error = Config::builder().file(&path).profile("c").build().unwrap_err();
    assert_eq!(error.hint(), "defined are a\\u{200f}b, go-plugin");
}

#[test]
fn paths_are_shown_with_escapes() {
    let name = "/none/\x1b[2J.toml";
    let error = Config::builder().file(name).build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains('\x1b'), "{error:?}");
    assert!(!Value::Paths(vec![name.into()]).to_string().contains('\x1b'));
}

#[cfg(feature = "config-files")]
#[test]
fn the_source_of_files_is_who_named_them() {
    let made = tempfile::tempdir().unwrap();
    let [one, two] = ["one.yaml", "two.yaml"].map(|name| made.path().join(name));
    for path in [&one, &two] {
        std::fs::write(path, "").unwrap();
    }
    let builder = Config::builder().file(&one).program(Values::new().files(vec![two.clone()]));
    let config = builder.clone().build().unwrap();
    assert_eq!(config.files(), [one.clone(), two.clone()]);
    assert_eq!(config.entry(Setting::Files).source, Source::Program);
    let config = builder.environment([("PLUGIN_CONFIG_FILE", &two)]).build().unwrap();
    assert_eq!(config.value(Setting::Files), Some(&vec![one, two.clone(), two].into()));
}

#[test]
fn files_among_values_are_read_before_the_program_goes_on() {
    let values = Values::new().files(vec!["/none.toml".into()]);
    let error = Config::builder().program(values.clone()).build().unwrap_err();
    let built = cfg!(feature = "config-files");
    let code = if built { "CONFIG_FILE_NOT_FOUND" } else { "CONFIG_NOT_BUILT" };
    assert_eq!(error.code(), code);
    // A configuration that is resolved reads no more files.
    let config = Config::builder().build().unwrap();
    assert_eq!(config.with_program(values).unwrap_err().code(), "CONFIG_INVALID");
    let error = config.with_program(Values::new().profile("go-plugin")).unwrap_err();
    assert_eq!(error.code(), "CONFIG_INVALID");
}

#[track_caller]
fn lowered(builder: ConfigBuilder, weak: &str, demand: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.code(), "SECURITY_CONFIG_CONFLICT", "{error:?}");
    let text = error.to_string();
    let (left, right) = text.split_once(" lowers the protection that ").unwrap();
    assert!(left.contains(weak) && right.contains(demand), "{text}");
}

#[cfg(feature = "config-files")]
#[test]
fn no_layer_lowers_what_any_below_it_asks_for() {
    let made = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = made.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let strict = write("strict.yaml", "plugin_tls_min_version: 1.3");
    let weak = write("weak.yaml", "plugin_tls_min_version: 1.2");
    let variable = [("PLUGIN_TLS_MIN_VERSION", "1.2")];
    let builder = || Config::builder().file(&strict);
    lowered(builder().environment(variable), "variable", "strict.yaml:1:25");
    lowered(builder().file(&weak), "weak.yaml", "strict.yaml");
    // The strongest one counts, and not the nearest.
    let program = Config::builder().set("plugin_tls_min_version", "1.3");
    lowered(program.file(&weak).environment(variable), "variable", "the program");
    // A later one may raise it again, and who wrote a file may have reasons for a profile.
    let again = builder().file(&weak).environment([("PLUGIN_TLS_MIN_VERSION", "1.3")]);
    again.build().unwrap();
    let text = "plugin_tls_min_version: 1.3\nprofile: {old: {plugin_tls_min_version: 1.2}}";
    let config = Config::builder().file(write("one.yaml", text)).profile("old").build().unwrap();
    assert_eq!(config.tls_min_version(), TlsMinVersion::Tls12);
}

#[test]
fn a_limit_of_the_program_is_tightened_and_never_loosened() {
    for (variable, [tight, program, loose]) in [
        ("PLUGIN_LIMIT_MEMORY_BYTES", ["32MiB", "64MiB", "65MiB"]),
        ("PLUGIN_LIMIT_CPU_SECONDS", ["1", "2", "3"]),
        ("PLUGIN_LIMIT_OPEN_FILES", ["16", "17", "18"]),
        ("PLUGIN_LIMIT_PROCESSES", ["1", "2", "3"]),
        ("PLUGIN_LIMIT_FILE_SIZE_BYTES", ["1", "2", "3"]),
    ] {
        let key = variable.to_ascii_lowercase();
        let builder = |text| Config::builder().set(&key, program).environment([(variable, text)]);
        for text in [loose, "0"] {
            lowered(builder(text), variable, "the program");
        }
        builder(tight).build().unwrap();
        builder(program).build().unwrap();
        // What nobody limited may be limited, and freed again by the same layer.
        Config::builder().environment([(variable, tight)]).build().unwrap();
        Config::builder().set(&key, "0").environment([(variable, loose)]).build().unwrap();
    }
}

#[test]
fn an_operator_may_pass_more_variables_and_bind_elsewhere() {
    let builder = Config::builder().set("plugin_env_allow", "A").set("plugin_server_host", "::1");
    let environment = [("PLUGIN_ENV_ALLOW", "A,B"), ("PLUGIN_SERVER_HOST", "0.0.0.0")];
    builder.environment(environment).build().unwrap();
}

#[test]
fn certificates_replace_those_made_for_a_start_if_they_are_whole() {
    let off = [("PLUGIN_AUTO_MTLS", "false")];
    let demanded = || Values::new().auto_mtls(true);
    let roots = [
        Values::new().ca_cert(PEM),
        Values::new().server_root_certs(PEM),
        Values::new().client_root_certs(PEM),
    ];
    for values in roots {
        let error = Config::builder().program(values.clone()).environment(off).build().unwrap_err();
        assert_eq!(error.code(), "SECURITY_TLS_REQUIRED", "{values:?}");
        let builder = Config::builder().program(values).program(demanded());
        let error = builder.environment(off).build().unwrap_err();
        let text = error.to_string();
        assert!(text.contains("PLUGIN_AUTO_MTLS = false (variable"), "{text}");
    }
    for values in [
        Values::new().host_cert(PEM).host_key(PEM.into()),
        Values::new().server_cert(PEM).server_key(PEM.into()),
        Values::new().mtls_cert_dir("/etc/kv".into()),
    ] {
        Config::builder().program(values).program(demanded()).environment(off).build().unwrap();
    }
}

//! Every setting through every layer, and the rules between them.

use std::time::Duration;

use super::*;

mod certificates;
#[cfg(feature = "config-files")]
mod files;
mod layers;
#[cfg(feature = "config-files")]
mod sources;

/// As much of a certificate as is looked at here.
const PEM: &str = "-----BEGIN X-----";

/// For each setting: three texts that differ from the default and from each other, and the way
/// the accessor shows each.
fn samples() -> Vec<(Setting, [&'static str; 3])> {
    use Setting::*;
    let table = Setting::ALL.iter().filter(|setting| setting.key().is_some());
    table
        .map(|&setting| {
            let texts = match (setting, setting.form()) {
                (MagicCookieKey, _) => ["A_COOKIE", "B_COOKIE", "C_COOKIE"],
                (HostProtocolVersions | SupportedProtocolVersions, _) => ["2", "3,4", "[5, 0]"],
                (EnvAllow, _) => ["A", "B_*,C", r#"["D"]"#],
                (ServerHost | ServerAdvertiseHost, _) => ["127.0.0.2", "::1", "127.0.0.3"],
                (CertRotationDays, _) => ["29", "1", "0"],
                // Whoever sets one port keeps it between the other's defaults.
                (HostMinPort, _) => ["10001", "10002", "10003"],
                (HostMaxPort, _) => ["25001", "25002", "65535"],
                // Each protects better than the one before it, for no file lowers another's.
                (LimitMemory | LimitFileSize, _) => ["4096KiB", "3MiB", "2097152"],
                (LimitOpenFiles | LimitProcesses, _) => ["33", "32", "31"],
                (LimitCpuTime, _) => ["1m", "4s", "3"],
                (ServerPort, _) => ["1", "2", "65535"],
                (_, Form::Flag) => {
                    let other = setting.default() != Some(Value::Flag(true));
                    if other { ["true", "YES", "1"] } else { ["false", "No", "0"] }
                }
                (_, Form::Time(Unit::Milliseconds, ..)) => ["1500", "2s", "3500ms"],
                (_, Form::Time(Unit::WholeSeconds, ..)) => ["3", "4s", "1m"],
                (_, Form::Time(..)) => ["0.5", "1500ms", "1.25"],
                (_, Form::Bytes(..)) => ["2097152", "3MiB", "4096KiB"],
                (_, Form::Number(..)) => ["31", "32", "33"],
                (_, Form::Mode) => ["0660", "0o660", "660"],
                (_, Form::Networks) => ["tcp", r#"["unix"]"#, "tcp, unix"],
                (_, Form::LogLevel) => ["TRACE", "warning", "Off"],
                (_, Form::CertKeyType) => ["p384", "ed25519", "P521"],
                (_, Form::TlsMinVersion) => ["1.3", "1.3", "1.3"],
                (_, Form::ReflectionMode) => ["always", "never", "Never"],
                (_, Form::Path | Form::AbsolutePath) => ["/a", "/b/c", "/d"],
                (_, Form::Certificates | Form::Key) => {
                    ["-----BEGIN A-----", "-----BEGIN B-----", "-----BEGIN C-----"]
                }
                _ => ["one", "two", "three"],
            };
            (setting, texts)
        })
        .collect()
}

/// What a text means, by the reader that the whole crate uses.
fn value(setting: Setting, text: &str) -> Value {
    let raw = form::read::Raw::Text(text.to_owned());
    setting.form().read(&raw).unwrap_or_else(|| panic!("{setting} refuses {text}"))
}

/// The partners without which a setting cannot be.
fn partners(setting: Setting) -> Values {
    let values = Values::new();
    match setting {
        Setting::HostCert => values.host_key(PEM.into()),
        Setting::HostKey => values.host_cert(PEM),
        Setting::ServerCert => values.server_key(PEM.into()),
        Setting::ServerKey => values.server_cert(PEM),
        // Plaintext or certificates must come instead.
        Setting::AutoMtls => values.host_cert(PEM).host_key(PEM.into()),
        _ => values,
    }
}

#[test]
fn defaults_are_those_of_the_table() {
    let config = Config::builder().build().unwrap();
    for &setting in Setting::ALL {
        assert_eq!(config.value(setting), setting.default().as_ref(), "{setting}");
        assert_eq!(config.entry(setting).source, Source::Default);
        if let Some(default) = setting.default() {
            setting.check(default).unwrap();
        }
    }
    assert_eq!(config.start_timeout(), Duration::from_secs(60));
    assert_eq!(config.client_request_timeout(), None);
    assert_eq!(config.grpc_keepalive_time(), Some(Duration::from_secs(10)));
    assert_eq!(config.host_protocol_versions(), [1]);
    assert_eq!(config.client_transports(), crate::Network::preferred());
    assert_eq!(config.server_host(), std::net::IpAddr::from([127, 0, 0, 1]));
    assert_eq!(config.server_unix_socket_mode(), 0o600);
    assert_eq!(config.magic_cookie_key(), "PLUGIN_MAGIC_COOKIE");
    assert!(config.magic_cookie_value().is_none());
    assert!(config.env_allow().is_empty());
    assert!(config.auto_mtls() && !config.insecure());
}

#[test]
fn each_setting_comes_from_the_highest_layer_that_has_it() {
    for (setting, [low, high, alone]) in samples() {
        let key = setting.key().unwrap();
        let build = |builder: ConfigBuilder| {
            builder.build().unwrap_or_else(|error| panic!("{setting}: {error:?}"))
        };
        let base = || Config::builder().program(partners(setting));
        let program = build(base().set(&key, alone));
        assert_eq!(program.value(setting), Some(&value(setting, alone)), "{setting}");
        assert_eq!(program.entry(setting).source, Source::Program);

        // Where one value protects less than the other, the environment may only raise it.
        let config = build(base().set(&key, low).environment([(setting.variable(), low)]));
        assert_eq!(config.entry(setting).source, Source::Variable(setting.variable()));
        let environment = build(base().environment([(setting.variable(), high)]));
        assert_eq!(environment.value(setting), Some(&value(setting, high)), "{setting}");

        let entry = config.source(&key).unwrap();
        assert_eq!(entry.overridden[0].source, Source::Program, "{setting}");
        if setting.is_secret() {
            assert_eq!(entry.value.as_deref(), Some("[redacted]"));
            assert_eq!(entry.overridden[0].value, "[redacted]");
            assert!(!format!("{config:?}").contains(low));
        }
    }
}

#[test]
fn what_a_builder_sets_lies_below_the_environment() {
    let config = Config::builder()
        .set("plugin_start_timeout", "3")
        .environment([("PLUGIN_HANDSHAKE_TIMEOUT", "5")])
        .build()
        .unwrap();
    let second = Duration::from_secs(1);
    let values = Values::new().start_timeout(second).handshake_timeout(second);
    let config = config.with_program(values.connection_timeout(second)).unwrap();
    assert_eq!(config.start_timeout(), second, "nearer than the program's own");
    assert_eq!(config.handshake_timeout(), Duration::from_secs(5));
    assert_eq!(config.connection_timeout(), second);
    let error = config.with_program(Values::new().start_timeout(Duration::ZERO)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "PLUGIN_START_TIMEOUT cannot be \"0s\": expected seconds from 0.1 to 3600, also written \
         like 500ms, 10s or 2m, set by the program"
    );
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let config = Config::builder().environment([("PLUGIN_START_TIMEOUT", "")]).build().unwrap();
    assert_eq!(config.entry(Setting::StartTimeout).source, Source::Default);
}

#[test]
fn variables_of_the_handshake_are_not_read_and_not_warned_of() {
    let launch = crate::env::LAUNCH_VARIABLES.map(|name| (name, "7"));
    let config = Config::builder().environment(launch).build().unwrap();
    assert!(config.entries().all(|entry| entry.source == Source::Default));
    assert!(config.warnings().is_empty(), "{:?}", config.warnings());
}

#[test]
fn variables_that_look_like_settings_are_warned_of() {
    let variables = ["PLUGIN_START_TIMEOUTS", "PLUGIN_BUFFER_SIZE", "PLUGIN_OF_OURS", "PATH"];
    let config = Config::builder().environment(variables.map(|name| (name, "7"))).build().unwrap();
    assert_eq!(
        config.warnings(),
        [
            "variable PLUGIN_START_TIMEOUTS is not read: did you mean PLUGIN_START_TIMEOUT?",
            "variable PLUGIN_BUFFER_SIZE is not read: dropped: HTTP/2 windows and the system size \
             buffers",
        ]
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let error = Config::builder()
        .set("plugin_start_timeuot", "3")
        .set("plugin_magic_cookie_value", "a\nb")
        .environment([("PLUGIN_HOST_MIN_PORT", "70000"), ("PLUGIN_INSECURE", "maybe")])
        .build()
        .unwrap_err();
    assert_eq!(error.code(), "CONFIG_UNKNOWN_KEY");
    let text = error.to_string();
    for part in ["4 problems", "plugin_start_timeuot", "[redacted]", "70000", "maybe"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("a\\nb"), "{text}");
}

#[track_caller]
fn refused(builder: ConfigBuilder, code: &str, message: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (code, message));
}

#[test]
fn the_environment_never_lowers_what_the_program_chose() {
    let conflict = "SECURITY_CONFIG_CONFLICT";
    refused(
        Config::builder()
            .program(Values::new().tls_min_version(TlsMinVersion::Tls13))
            .environment([("PLUGIN_TLS_MIN_VERSION", "1.2")]),
        conflict,
        "PLUGIN_TLS_MIN_VERSION = 1.2 (variable PLUGIN_TLS_MIN_VERSION) lowers the protection \
         that PLUGIN_TLS_MIN_VERSION = 1.3 (the program) asks for",
    );
    refused(
        Config::builder()
            .set("plugin_server_require_tls", "true")
            .environment([("PLUGIN_INSECURE", "true")]),
        conflict,
        "PLUGIN_INSECURE = true (variable PLUGIN_INSECURE) lowers the protection that \
         PLUGIN_SERVER_REQUIRE_TLS = true (the program) asks for",
    );
    refused(
        Config::builder().set("plugin_insecure", "true").environment([("PLUGIN_CA_CERT", PEM)]),
        conflict,
        "PLUGIN_INSECURE = true (the program) lowers the protection that PLUGIN_CA_CERT = … \
         (variable PLUGIN_CA_CERT) asks for",
    );
    refused(
        Config::builder()
            .program(Values::new().tls_demanded("Tls::Custom"))
            .environment([("PLUGIN_INSECURE", "true")]),
        conflict,
        "PLUGIN_INSECURE = true (variable PLUGIN_INSECURE) lowers the protection that Tls::Custom \
         (the program) asks for",
    );
    // Raising is fine, and so is plaintext of the program's own choice.
    let raised = Config::builder()
        .set("plugin_insecure", "true")
        .environment([("PLUGIN_INSECURE", "false"), ("PLUGIN_SERVER_REQUIRE_TLS", "true")]);
    assert!(!raised.build().unwrap().insecure());
    assert!(Config::builder().set("plugin_insecure", "true").build().unwrap().insecure());
}

#[test]
fn settings_that_cannot_go_together_are_refused() {
    refused(
        Config::builder().environment([("PLUGIN_AUTO_MTLS", "false")]),
        "SECURITY_TLS_REQUIRED",
        "TLS is required, and there are no certificates for it",
    );
    refused(
        Config::builder().environment([("PLUGIN_HOST_MIN_PORT", "30000")]),
        "CONFIG_PORT_RANGE",
        "port range \"30000 (variable PLUGIN_HOST_MIN_PORT)\" to \"25000 (the default)\" cannot \
         work: the minimum lies above the maximum",
    );
    refused(
        Config::builder().set("plugin_host_cert", PEM),
        "CONFIG_CONFLICT",
        "PLUGIN_HOST_CERT = … (the program) and PLUGIN_HOST_KEY (the default) cannot go together: \
         certificate and key come together",
    );
    refused(
        Config::builder().set("plugin_cert_rotation_days", "365"),
        "CONFIG_CONFLICT",
        "PLUGIN_CERT_ROTATION_DAYS = 365 (the program) and PLUGIN_CERT_VALIDITY_DAYS (the \
         default) cannot go together: certificates must live longer than the days before their \
         end that they are renewed",
    );
}

#[test]
fn the_profile_for_hosts_of_go_plugin_lies_below_the_program() {
    let config = Config::builder()
        .set("plugin_inherit_env", "no")
        .environment([("PLUGIN_PROFILE", "go-plugin")])
        .build()
        .unwrap();
    assert!(!config.inherit_env());
    assert_eq!(config.grpc_max_send_message_size(), 256 << 20);
    assert_eq!(config.profile(), Some("go-plugin"));
    let error = Config::builder().profile("mine").build().unwrap_err();
    assert_eq!(error.code(), "CONFIG_UNKNOWN_PROFILE");
}

#[test]
fn keys_are_written_small() {
    assert_eq!(Setting::from_key("PLUGIN_START_TIMEOUT"), None);
    assert_eq!(Setting::from_key("plugin_config_file"), None, "files name no files");
    for &setting in Setting::ALL {
        let Some(key) = setting.key() else { continue };
        assert_eq!(Setting::from_key(&key), Some(setting));
    }
}

use std::time::Duration;

use rpcplugin_core::{MagicCookie, config::LogLevel};
use tracing::Level;

use super::*;
use crate::Client;

fn builder() -> Builder {
    let none: [(&str, &str); 0] = [];
    Client::builder(MagicCookie::new("KV_COOKIE", "s3cret")).tls(Tls::Plaintext).environment(none)
}

fn settings(builder: Builder) -> Settings {
    builder.into_settings().unwrap().0
}

#[track_caller]
fn refused(builder: Builder, code: &str, message: &str) {
    let error = builder.into_settings().unwrap_err();
    assert_eq!(error.code(), code);
    assert_eq!(error.to_string(), message);
}

#[test]
fn values_outside_their_range_are_refused_by_name() {
    refused(
        builder().start_timeout(Duration::ZERO),
        "CONFIG_INVALID",
        r#"PLUGIN_START_TIMEOUT cannot be "0s": expected seconds from 0.1 to 3600, also written like 500ms, 10s or 2m, set by the program"#,
    );
    refused(
        builder().transports([Network::Tcp, Network::Tcp]),
        "CONFIG_INVALID",
        r#"PLUGIN_CLIENT_TRANSPORTS cannot be "tcp,tcp": expected unix, tcp or both, each once, set by the program"#,
    );
    let port = [("PLUGIN_HOST_MIN_PORT", "high")];
    refused(
        builder().environment(port),
        "CONFIG_PORT_RANGE",
        r#"PLUGIN_HOST_MIN_PORT cannot be "high": expected a port from 0 to 65535, set by variable PLUGIN_HOST_MIN_PORT"#,
    );
}

#[test]
fn the_environment_wins_over_the_builder_and_the_builder_over_set() {
    let config = |environment: &[(&'static str, &'static str)]| {
        Config::builder()
            .set("plugin_start_timeout", "1s")
            .set("plugin_terminate_timeout", "1s")
            .environment(environment.iter().copied())
            .build()
            .unwrap()
    };
    let start = |config: Config| {
        let builder = builder().config(config).start_timeout(Duration::from_secs(2));
        let settings = settings(builder);
        assert_eq!(settings.config.terminate_timeout(), Duration::from_secs(1));
        settings.config.start_timeout()
    };
    assert_eq!(start(config(&[])), Duration::from_secs(2));
    assert_eq!(start(config(&[("PLUGIN_START_TIMEOUT", "3")])), Duration::from_secs(3));
    let own = builder().environment([("PLUGIN_START_TIMEOUT", "4")]);
    assert_eq!(settings(own).config.start_timeout(), Duration::from_secs(4));
}

#[test]
fn a_plugin_without_a_network_is_offered_unix_sockets_only() {
    assert_eq!(settings(builder().no_network()).networks(), [Network::Unix]);
    let both = [Network::Unix, Network::Tcp];
    refused(
        builder().no_network().transports(both),
        "CONFIG_CONFLICT",
        "no_network excludes transports with tcp: a plugin without a network cannot listen on TCP",
    );
}

#[test]
fn names_of_further_variables_add_up() {
    let names = builder().env_allow(["A", "B_*"]).env_allow(["A", "C"]);
    assert_eq!(settings(names).config.env_allow(), ["A", "B_*", "C"]);
}

#[test]
fn limits_replace_those_set_before() {
    let builder = builder()
        .limit_memory(1 << 20)
        .limit_address_space(1 << 21)
        .limits(Limits::new().open_files(64).cpu_time(Duration::from_millis(1200)));
    let limits = settings(builder).options.confinement.limits;
    assert_eq!(limits, Limits::new().open_files(64).cpu_time(Duration::from_secs(2)));
}

#[cfg(feature = "tls")]
#[test]
fn environment_and_files_raise_the_protection_and_never_lower_it() {
    let with = |tls: Option<Tls>, environment: &[(&'static str, &'static str)]| {
        let mut builder = builder().environment(environment.iter().copied());
        builder.options.tls = tls;
        builder.into_settings().map(|(settings, _)| settings.tls)
    };
    let insecure = [("PLUGIN_INSECURE", "true")];
    let lowered = "SECURITY_CONFIG_CONFLICT";
    assert_eq!(with(None, &[]).unwrap(), Tls::Auto);
    assert_eq!(with(None, &insecure).unwrap(), Tls::Plaintext);
    assert_eq!(with(Some(Tls::Plaintext), &[("PLUGIN_INSECURE", "no")]).unwrap(), Tls::Auto);
    assert_eq!(with(Some(Tls::Auto), &insecure).unwrap_err().code(), lowered);
    let off = [("PLUGIN_AUTO_MTLS", "false")];
    assert_eq!(with(Some(Tls::Auto), &off).unwrap_err().code(), lowered);
    assert_eq!(with(None, &off).unwrap_err().code(), "SECURITY_TLS_REQUIRED");
    let both = [("PLUGIN_AUTO_MTLS", "true"), ("PLUGIN_INSECURE", "true")];
    assert_eq!(with(None, &both).unwrap_err().code(), lowered);
}

#[test]
fn only_settings_that_may_change_are_reloaded() {
    let settings = settings(builder().terminate_timeout(Duration::from_millis(300)));
    let live = &settings.live;
    assert!(live.passes(Level::INFO) && !live.passes(Level::DEBUG), "INFO is the default");
    let config = |set: &[(&str, &str)]| {
        let builder = Config::builder();
        set.iter().fold(builder, |builder, (key, value)| builder.set(*key, *value)).build().unwrap()
    };
    live.reload(&config(&[
        ("plugin_log_level", "off"),
        ("plugin_grpc_grace_period", "4"),
        ("plugin_client_request_timeout", "5"),
        ("plugin_terminate_timeout", "6"),
        ("plugin_server_port", "7"),
    ]))
    .unwrap();
    assert!(!live.passes(Level::ERROR));
    assert_eq!(live.grace(), Duration::from_secs(4));
    assert_eq!(live.request_timeout(), Some(Duration::from_secs(5)));
    assert_eq!(live.terminate(), Duration::from_millis(300), "the builder set it");
    let error = live
        .reload(&config(&[
            ("plugin_start_timeout", "3"),
            ("plugin_log_level", "trace"),
            ("plugin_host_min_port", "3"),
        ]))
        .unwrap_err();
    assert_eq!(error.code(), "CONFIG_NOT_RELOADABLE");
    assert_eq!(
        error.to_string(),
        "plugin_host_min_port, plugin_start_timeout cannot change while the plugin runs"
    );
    assert_eq!(live.config().log_level(), LogLevel::Off, "all or nothing");
}

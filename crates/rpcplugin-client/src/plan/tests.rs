use std::{ops::RangeInclusive, process::Command};

use rpcplugin_core::Network;

use super::*;
use crate::{Client, Tls};

const COOKIE: MagicCookie = MagicCookie::new("KV_COOKIE", "s3cret");

fn builder() -> Builder {
    Client::builder(COOKIE).tls(Tls::Plaintext).environment([
        ("PATH", "/bin"),
        ("SECRET", "of the host"),
        ("PLUGIN_CLIENT_CERT", "of our parent"),
        ("TMPDIR", "/var/tmp"),
        ("XDG_RUNTIME_DIR", "relative"),
    ])
}

#[track_caller]
fn refused(builder: Builder, code: &str) {
    assert_eq!(Plan::new(builder).err().expect("it is refused").code(), code);
}

fn value<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a str> {
    let (_, value) = environment.iter().find(|(found, _)| found == name)?;
    value.to_str()
}

#[test]
fn settings_that_cannot_work_are_refused_before_anything_starts() {
    refused(Client::builder(MagicCookie::new("", "v")), "CONFIG_COOKIE");
    refused(Client::builder(MagicCookie::new("K", "")), "CONFIG_COOKIE");
    refused(Client::builder(MagicCookie::any_value("K")), "CONFIG_COOKIE");
    refused(builder().versions([]), "CONFIG_PROTOCOL_VERSIONS");
    refused(builder().versions([1, 1]), "CONFIG_PROTOCOL_VERSIONS");
    refused(builder().versions([1 << 31]), "CONFIG_PROTOCOL_VERSIONS");
    let reversed = RangeInclusive::new;
    refused(builder().ports(reversed(9, 7)), "CONFIG_PORT_RANGE");
    refused(builder().ports(reversed(9, 0)), "CONFIG_PORT_RANGE");
    refused(builder().start_timeout(std::time::Duration::ZERO), "CONFIG_INVALID");
    refused(builder().transports([]), "CONFIG_INVALID");
    let with_runner = || builder().runner(crate::ProcessRunner);
    refused(with_runner().sha256(["00"]), "CONFIG_CONFLICT");
    refused(with_runner().trusted_paths_only(), "CONFIG_CONFLICT");
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_build_without_tls_never_downgrades() {
    refused(builder().tls(Tls::Auto), "SECURITY_TLS_NOT_BUILT");
    refused(Client::builder(COOKIE), "SECURITY_TLS_NOT_BUILT");
}

#[test]
fn the_launch_variables_have_their_exact_forms() {
    let plan = Plan::new(builder().versions([3, 1]).unix_socket_group("staff")).unwrap();
    let mut command = Command::new("plugin");
    command.env("MINE", "of the caller").env("TMPDIR", "/of/the/caller").env_remove("PATH");
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let environment =
        plan.environment(&command, Some(Path::new("/run/p")), Some(pem.to_owned())).unwrap();
    for (name, expected) in [
        ("KV_COOKIE", Some("s3cret")),
        ("PLUGIN_PROTOCOL_VERSIONS", Some("1,3")),
        ("PLUGIN_MIN_PORT", Some("10000")),
        ("PLUGIN_MAX_PORT", Some("25000")),
        ("PLUGIN_CLIENT_CERT", Some(pem)),
        ("PLUGIN_UNIX_SOCKET_DIR", Some("/run/p")),
        ("PLUGIN_UNIX_SOCKET_GROUP", Some("staff")),
        ("TMPDIR", Some("/run/p")),
        ("RPCPLUGIN_LIFELINE", Some("stdin")),
        ("RPCPLUGIN_TRANSPORTS", Some("unix,tcp")),
        ("PLUGIN_MULTIPLEX_GRPC", None),
        ("MINE", Some("of the caller")),
        ("PATH", None),
        ("SECRET", None),
    ] {
        assert_eq!(value(&environment, name), expected, "{name}");
    }
}

#[test]
fn a_multiplexed_connection_is_asked_for_and_excludes_a_detached_plugin() {
    let plan = Plan::new(builder().multiplex_grpc(true)).unwrap();
    let environment = plan.environment(&Command::new("plugin"), None, None).unwrap();
    assert_eq!(value(&environment, "PLUGIN_MULTIPLEX_GRPC"), Some("true"));
    refused(builder().multiplex_grpc(true).detach(), "CONFIG_CONFLICT");
}

#[test]
fn what_was_not_chosen_is_not_announced() {
    let builder = builder()
        .ports(0..=0)
        .transports([Network::Tcp])
        .stdin(Stdin::Null)
        .keep_tmpdir()
        .inherit_env(true);
    let plan = Plan::new(builder).unwrap();
    let environment =
        plan.environment(&Command::new("plugin"), Some(Path::new("/run/p")), None).unwrap();
    for (name, expected) in [
        ("PLUGIN_MIN_PORT", Some("0")),
        ("PLUGIN_MAX_PORT", Some("0")),
        ("PLUGIN_CLIENT_CERT", None),
        ("PLUGIN_UNIX_SOCKET_GROUP", None),
        ("TMPDIR", Some("/var/tmp")),
        ("RPCPLUGIN_LIFELINE", None),
        ("RPCPLUGIN_TRANSPORTS", Some("tcp")),
        ("SECRET", Some("of the host")),
    ] {
        assert_eq!(value(&environment, name), expected, "{name}");
    }
}

#[test]
fn the_caller_cannot_set_what_the_handshake_sets() {
    let plan = Plan::new(builder()).unwrap();
    for name in ["KV_COOKIE", "PLUGIN_CLIENT_CERT", "A=B", ""] {
        let mut command = Command::new("plugin");
        command.env(name, "x");
        let error = plan.environment(&command, None, None).unwrap_err();
        assert_eq!(error.code(), "CONFIG_ENV", "{name:?}");
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}

#[test]
fn a_builder_shows_no_secret() {
    let shown = format!("{:?}", builder());
    assert!(!shown.contains("s3cret") && !shown.contains("of the host"), "{shown}");
}

#[cfg(unix)]
#[test]
fn the_private_directory_goes_where_the_caller_says() {
    let bases = Plan::new(builder()).unwrap().directory_bases();
    assert_eq!(bases, [Path::new("/var/tmp"), Path::new("/tmp")]);
    let bases = Plan::new(builder().unix_socket_dir("/srv")).unwrap().directory_bases();
    assert_eq!(bases, [Path::new("/srv")]);
}

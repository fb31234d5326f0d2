//! Rows A1 to A9, A17, A22, B20, B23 of the fault catalogue.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use rpcplugin_client::{Error, ExitStatus};
use rpcplugin_core::{HandshakeError, Phase, TransportError};
use tokio::process::Command;

use crate::support::{Case, report};

#[tokio::test]
async fn a_missing_program_is_not_found() {
    let error = Case::command(Command::new("/nonexistent/plugin"))
        .fails_with("HANDSHAKE_SPAWN_NOT_FOUND")
        .await;
    assert_eq!(error.to_string(), "program not found: /nonexistent/plugin");
    assert!(error.report().is_none());
}

#[tokio::test]
async fn a_file_that_may_not_be_executed_is_denied() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plugin");
    std::fs::write(&file, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    for path in [file.as_path(), directory.path()] {
        Case::command(Command::new(path)).fails_with("HANDSHAKE_SPAWN_DENIED").await;
    }
}

#[tokio::test]
async fn an_exit_code_is_told_with_the_last_words() {
    let error = Case::script("echo first >&2; echo 'cannot open store' >&2; exit 3")
        .fails_with("HANDSHAKE_PLUGIN_EXITED")
        .await;
    assert_eq!(
        error.to_string(),
        "plugin exited before it was ready: exit code 3: cannot open store"
    );
    let report = report(&error);
    assert_eq!(report.phase, Phase::Handshake);
    assert_eq!(report.status, Some(ExitStatus::Code(3)));
    assert_eq!(report.stderr, ["first", "cannot open store"]);
    assert_eq!(error.hint(), "the report holds the plugin's last words");
    assert!(report.pid.is_some() && report.stdout.is_empty());
}

#[tokio::test]
async fn an_exit_without_a_word_is_told_too() {
    let error =
        Case::command(Command::new("/bin/true")).fails_with("HANDSHAKE_PLUGIN_EXITED").await;
    assert_eq!(error.to_string(), "plugin exited before it was ready: exit code 0");
    assert_eq!(error.hint(), "its main returned without serving: does it await Server::run?");
}

#[tokio::test]
async fn a_signal_is_told_by_name() {
    let error =
        Case::script("ulimit -c 0; kill -SEGV $$").fails_with("HANDSHAKE_PLUGIN_EXITED").await;
    assert_eq!(error.to_string(), "plugin exited before it was ready: signal 11 (SIGSEGV)");
    assert_eq!(report(&error).status.and_then(ExitStatus::signal), Some(11));
}

#[tokio::test]
async fn the_coded_reason_of_our_plugins_becomes_the_hosts() {
    let line = "error[SECURITY_CLIENT_CERT_INVALID]: the host's certificate in PLUGIN_CLIENT_CERT \
                cannot be used: not PEM (hint: unset it)";
    let error = Case::script(&format!("echo noise >&2; echo \"{line}\" >&2; exit 1"))
        .fails_with("HANDSHAKE_PLUGIN_EXITED")
        .await;
    assert_eq!(error.hint(), "the plugin's own hint: unset it");
    let Error::Handshake { source: HandshakeError::PluginExited { reason, .. }, .. } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        reason.as_deref(),
        Some(
            "SECURITY_CLIENT_CERT_INVALID: the host's certificate in PLUGIN_CLIENT_CERT \
             cannot be used: not PEM"
        )
    );
}

#[tokio::test]
async fn only_a_plugin_without_its_cookie_and_a_mute_one_lead_to_the_cookie() {
    let words = "error[HANDSHAKE_NOT_LAUNCHED]: not started by its host (hint: start the host)";
    let of_go = "Please execute the program that consumes these plugins, which will\n\
                 load any plugins automatically";
    for script in [&format!("echo '{words}' >&2; exit 1"), &format!("echo '{of_go}' >&2; exit 1")] {
        let error = Case::script(script).fails_with("HANDSHAKE_PLUGIN_EXITED").await;
        assert_eq!(error.hint(), "host and plugin must share one magic cookie");
    }
    let error = Case::script("exit 1").fails_with("HANDSHAKE_PLUGIN_EXITED").await;
    assert!(error.hint().contains("magic cookie"), "{error:?}");
}

#[tokio::test]
async fn a_silent_plugin_is_given_up_when_its_time_is_over() {
    let limit = Duration::from_millis(300);
    let error = Case::script("echo waiting >&2; printf 'no newline'; exec sleep 300")
        .with(|builder| builder.handshake_timeout(limit))
        .fails_with("HANDSHAKE_TIMEOUT")
        .await;
    assert_eq!(error.to_string(), "no handshake line within 300ms");
    assert!(error.is_retryable());
    let report = report(&error);
    assert_eq!(report.status, None, "it was alive");
    assert_eq!(report.stderr, ["waiting"]);
    assert_eq!(report.stdout, ["no newline"]);
    assert!(report.alive >= limit);
}

#[tokio::test]
async fn the_whole_start_has_a_bound_of_its_own() {
    let error = Case::script("exec sleep 300")
        .with(|builder| builder.start_timeout(Duration::from_millis(200)))
        .fails_with("HANDSHAKE_TIMEOUT")
        .await;
    assert_eq!(error.to_string(), "no handshake line within 200ms");
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipes_holds_nothing_up() {
    let error = Case::script("sleep 300 & echo garbage; exit 0")
        .fails_with("HANDSHAKE_NOT_A_HANDSHAKE")
        .await;
    assert_eq!(error.to_string(), "not a handshake line: \"garbage\"");
    let error = Case::script("sleep 300 & exit 4").fails_with("HANDSHAKE_PLUGIN_EXITED").await;
    assert_eq!(report(&error).status, Some(ExitStatus::Code(4)));
}

#[tokio::test]
async fn a_plugin_that_closes_its_stdout_and_lives_is_not_waited_for() {
    let error = Case::script("printf '1|1|unix|'; exec >&-; exec sleep 300")
        .fails_with("HANDSHAKE_PLUGIN_EXITED")
        .await;
    assert!(error.to_string().contains("closed its stdout without a handshake line"), "{error}");
    assert_eq!(report(&error).stdout, ["1|1|unix|"]);
    assert_eq!(report(&error).status, None);
}

#[tokio::test]
async fn one_that_dies_after_its_line_is_gone() {
    let script = "echo '1|1|unix|'$PLUGIN_UNIX_SOCKET_DIR'/s|grpc|'; echo dying >&2; exit 3";
    let error = Case::script(script).fails().await;
    let Error::Transport { source: TransportError::PluginGone { .. }, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(error.to_string(), "plugin is gone: exit code 3");
    assert_eq!(report(&error).status, Some(ExitStatus::Code(3)));
    assert_eq!(report(&error).stderr, ["dying"]);
}

#[tokio::test]
async fn too_long_an_environment_is_refused() {
    let mut command = Command::new("/bin/true");
    command.env("LARGE", "x".repeat(3 << 20));
    Case::command(command).fails_with("HANDSHAKE_SPAWN_ARGS_TOO_LONG").await;
}

#[tokio::test]
async fn nothing_starts_with_a_bad_setting() {
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("marker");
    let script = format!("touch {}", marker.display());
    let long = directory.path().join("x".repeat(100));
    std::fs::create_dir(&long).unwrap();
    for (builder, code) in [
        (Case::script(&script).with(|b| b.unix_socket_dir("/nonexistent")), "CONFIG_SOCKET_DIR"),
        (Case::script(&script).with(|b| b.unix_socket_dir(long)), "CONFIG_SOCKET_DIR"),
        (
            Case::script(&script).with(|b| b.unix_socket_group("no such group")),
            "CONFIG_SOCKET_GROUP",
        ),
        (Case::script(&script).with(|b| b.env_allow(["PLUGIN_CLIENT_CERT"])), "CONFIG_ENV"),
        (Case::script(&script).with(|b| b.versions([])), "CONFIG_PROTOCOL_VERSIONS"),
    ] {
        let error = builder.fails_with(code).await;
        assert!(error.report().is_none());
    }
    assert!(!marker.exists());
}

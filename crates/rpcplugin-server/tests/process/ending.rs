use std::{os::unix::process::ExitStatusExt as _, time::Duration};

use rpcplugin_proto::{
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
    plugin::{Empty, grpc_controller_client::GrpcControllerClient},
    probe::probe_client::ProbeClient,
};
use rustix::process::{Pid, Signal, test_kill_process};
use tokio::time::timeout;

use crate::support::Plugin;

const LIFELINE: (&str, &dyn AsRef<std::ffi::OsStr>) = ("RPCPLUGIN_LIFELINE", &"stdin");

#[test]
fn sigterm_and_sighup_end_it_in_order_and_leave_no_socket() {
    for signal in [Signal::TERM, Signal::HUP] {
        let plugin = Plugin::start(&[], &[]);
        plugin.line();
        assert_eq!(plugin.sockets().len(), 1);
        plugin.signal(signal);
        let end = plugin.end_within(Duration::from_secs(1));
        assert_eq!(end.status.code(), Some(0), "{}", end.stderr);
        assert_eq!(end.stderr, "", "an orderly stop is quiet");
    }
}

#[test]
fn a_main_that_does_not_end_is_ended_within_the_grace_period() {
    let plugin = Plugin::start(&["stuck"], &[("PLUGIN_PROTOCOL_VERSIONS", &"5")]);
    plugin.line();
    plugin.signal(Signal::TERM);
    let end = plugin.end_within(Duration::from_secs(2));
    assert_eq!(end.status.code(), Some(0));
    assert!(end.stderr.contains("main did not end in time"), "{}", end.stderr);
}

#[tokio::test]
async fn a_second_sigterm_ends_it_at_once() {
    let plugin = Plugin::start(&[], &[]);
    let mut client = ProbeClient::new(plugin.channel().await);
    let mut other = client.clone();
    let slow = tokio::spawn(async move { client.sleep(30_000).await });
    other.echo(Vec::new()).await.unwrap();
    plugin.signal(Signal::TERM);
    // The first one has arrived once new calls are refused.
    while other.echo(Vec::new()).await.is_ok() {}
    plugin.signal(Signal::TERM);
    let end = plugin.end_within(Duration::from_millis(500));
    assert_eq!(end.status.code(), Some(128 + 15));
    assert!(slow.await.unwrap().is_err());
}

#[tokio::test]
async fn sigint_is_ignored_and_logged() {
    let mut plugin = Plugin::start(&[], &[]);
    let mut client = ProbeClient::new(plugin.channel().await);
    plugin.signal(Signal::INT);
    plugin.signal(Signal::INT);
    client.echo(Vec::new()).await.unwrap();
    assert!(plugin.is_running());
    plugin.signal(Signal::TERM);
    let end = plugin.end();
    assert_eq!(end.status.code(), Some(0));
    assert!(end.stderr.contains("ignored SIGINT"), "{}", end.stderr);
}

#[tokio::test]
async fn shutdown_is_answered_and_ends_the_process() {
    let plugin = Plugin::start(&[], &[]);
    let channel = plugin.channel().await;
    let mut controller = GrpcControllerClient::new(channel.clone());
    controller.shutdown(Empty {}).await.unwrap();
    // A host that does not know rpcplugin has a moment to read its answer in peace.
    let mut health = HealthClient::new(channel);
    let reply = health.check(HealthCheckRequest { service: "plugin".into() }).await.unwrap();
    let status = reply.into_inner().status();
    assert_eq!(status, ServingStatus::NotServing);
    // Not on this thread, which answers the plugin's farewell.
    let end = tokio::task::spawn_blocking(|| plugin.end_within(Duration::from_secs(1)));
    assert_eq!(end.await.unwrap().status.code(), Some(0));
}

#[test]
fn the_end_of_the_lifeline_ends_it() {
    let mut plugin = Plugin::start(&[], &[LIFELINE]);
    plugin.line();
    plugin.close_stdin();
    let end = plugin.end_within(Duration::from_secs(2));
    assert_eq!(end.status.code(), Some(0), "{}", end.stderr);
}

#[test]
fn the_end_of_the_parent_ends_it() {
    let mut shell = Plugin::start_below_a_shell();
    shell.line();
    shell.close_stdin();
    let end = shell.end_within(Duration::from_secs(2));
    assert_eq!(end.stderr, "", "an orderly stop is quiet");
}

#[tokio::test]
async fn the_end_of_stdin_means_nothing_without_the_announcement() {
    let mut plugin = Plugin::start(&[], &[]);
    let mut client = ProbeClient::new(plugin.channel().await);
    plugin.close_stdin();
    client.sleep(300).await.unwrap();
    assert!(plugin.is_running());
}

#[tokio::test]
async fn a_detached_plugin_ignores_the_lifeline() {
    let mut plugin = Plugin::start(&["detach"], &[LIFELINE]);
    let mut client = ProbeClient::new(plugin.channel().await);
    plugin.close_stdin();
    client.sleep(300).await.unwrap();
    assert!(plugin.is_running());
}

#[tokio::test]
async fn a_wedged_runtime_does_not_outlive_the_host() {
    let mut plugin = Plugin::start(&[], &[LIFELINE]);
    let mut client = ProbeClient::new(plugin.channel().await);
    let mut other = client.clone();
    // Blocks the plugin's only thread for longer than anybody waits.
    let wedged = tokio::spawn(async move { client.sleep(3_600_000).await });
    while timeout(Duration::from_millis(200), other.echo(Vec::new())).await.is_ok() {}
    plugin.close_stdin();
    let end = plugin.end_within(Duration::from_secs(2));
    assert_eq!(end.status.signal(), Some(9));
    assert!(wedged.await.unwrap().is_err());
}

#[tokio::test]
async fn code_that_reads_and_replaces_stdin_is_no_end_of_the_host_and_hides_none() {
    let mut plugin = Plugin::start(&["stdin"], &[LIFELINE, ("PLUGIN_PROTOCOL_VERSIONS", &"5")]);
    let mut client = ProbeClient::new(plugin.channel().await);
    client.sleep(300).await.unwrap();
    assert!(plugin.is_running());
    plugin.close_stdin();
    let end = plugin.end_within(Duration::from_secs(2));
    assert_eq!(end.status.code(), Some(0), "{}", end.stderr);
    assert_eq!(end.stderr, "read Ok(0)\n");
}

#[test]
fn a_panic_that_leaves_main_is_exit_code_101() {
    let end = Plugin::start(&["panic"], &[("PLUGIN_PROTOCOL_VERSIONS", &"5")]).end();
    assert_eq!(end.status.code(), Some(101));
    assert_eq!(end.stdout, Vec::<String>::new());
    assert!(
        end.stderr.starts_with("panic: left main\nthread 'main' panicked at "),
        "{}",
        end.stderr
    );
}

#[test]
fn a_plugin_that_does_not_lead_its_group_leaves_it_alone() {
    let mut shell = Plugin::start_in_a_shells_group();
    shell.line();
    shell.close_stdin();
    let end = shell.end_within(Duration::from_secs(3));
    assert_eq!((end.stderr.as_str(), end.status.code()), ("survived\n", Some(0)));
}

#[test]
fn a_plugin_that_leads_its_group_takes_its_children_along() {
    let mut plugin = Plugin::start(&["child"], &[LIFELINE]);
    plugin.line();
    plugin.close_stdin();
    let end = plugin.end_within(Duration::from_secs(2));
    let child = end.stderr.lines().find_map(|line| line.strip_prefix("child ")).unwrap();
    let child = Pid::from_raw(child.parse().unwrap()).unwrap();
    // A killed orphan may be a zombie until init looks.
    let state = std::fs::read_to_string(format!("/proc/{}/stat", child.as_raw_nonzero()));
    let gone = state.as_ref().is_ok_and(|stat| stat.contains(") Z ")) || state.is_err();
    assert!(gone && (state.is_ok() || test_kill_process(child).is_err()), "{state:?}");
}

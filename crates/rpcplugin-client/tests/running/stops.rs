//! Rows H2 to H6 of the fault catalogue.

use std::time::Duration;

use rpcplugin_client::{ExitStatus, ShutdownOutcome, State};
use tokio_stream::StreamExt as _;

use crate::fake::{Behaviour, Fake, Started, exists, process, within};

fn obeys() -> Behaviour {
    Behaviour { obeys: true, ..Behaviour::default() }
}

#[tokio::test]
async fn a_plugin_that_obeys_ends_gracefully() {
    let Started { plugin, rest } = Fake::new(obeys()).await.start().await;
    let pid = plugin.pid();
    assert_eq!(plugin.state(), State::Running);
    let (states, exited) = (plugin.state_changes(), plugin.clone());
    let stopped = within(plugin.shutdown()).await.unwrap();
    assert_eq!(stopped.outcome, ShutdownOutcome::Graceful);
    assert_eq!(stopped.status, Some(ExitStatus::Code(0)));
    rest.assert_clean(pid);
    assert_eq!(within(states.collect::<Vec<_>>()).await.last(), Some(&State::Ended));
    assert_eq!(exited.exit_status(), Some(ExitStatus::Code(0)));
    assert_eq!(within(exited.exited()).await.status, Some(ExitStatus::Code(0)));
    let again = within(exited.kill()).await;
    assert_eq!(again, stopped, "whoever asks later gets the same");
}

#[tokio::test]
async fn one_without_a_controller_is_terminated_after_its_grace() {
    let Started { plugin, rest } = Fake::new(Behaviour::default())
        .await
        .with(|builder| builder.grpc_grace_period(Duration::from_millis(100)))
        .start()
        .await;
    let pid = plugin.pid();
    let stopped = within(plugin.shutdown()).await.unwrap();
    assert_eq!(stopped.outcome, ShutdownOutcome::Terminated);
    assert_eq!(stopped.status.and_then(ExitStatus::signal), Some(15));
    assert!(stopped.took >= Duration::from_millis(100));
    rest.assert_clean(pid);
}

#[tokio::test]
async fn one_that_ignores_everything_is_killed() {
    let script = "trap '' TERM; while :; do sleep 0.01; done";
    let Started { plugin, rest } = Fake::with_script(Behaviour::default(), script)
        .await
        .with(|builder| {
            let short = Duration::from_millis(100);
            builder.grpc_grace_period(short).terminate_timeout(short)
        })
        .start()
        .await;
    let pid = plugin.pid();
    let stopped = within(plugin.shutdown()).await.unwrap();
    assert_eq!(stopped.outcome, ShutdownOutcome::Killed);
    assert_eq!(stopped.status.and_then(ExitStatus::signal), Some(9));
    rest.assert_clean(pid);
}

#[tokio::test]
async fn one_that_is_stopped_is_killed_within_the_same_bound() {
    let Started { plugin, rest } = Fake::new(Behaviour::default())
        .await
        .with(|builder| {
            let short = Duration::from_millis(100);
            builder.grpc_grace_period(short).terminate_timeout(short)
        })
        .start()
        .await;
    let pid = plugin.pid();
    rustix::process::kill_process(process(pid), rustix::process::Signal::STOP).unwrap();
    let stopped = within(plugin.shutdown()).await.unwrap();
    assert_eq!(stopped.outcome, ShutdownOutcome::Killed);
    rest.assert_clean(pid);
}

#[tokio::test]
async fn a_grandchild_that_holds_the_pipes_goes_too() {
    let script = "sleep 300 & while [ ! -e $PLUGIN_UNIX_SOCKET_DIR/stop ]; do sleep 0.01; done";
    let Started { plugin, rest } = Fake::with_script(obeys(), script).await.start().await;
    let pid = plugin.pid();
    let stopped = within(plugin.shutdown()).await.unwrap();
    assert_eq!(stopped.outcome, ShutdownOutcome::Graceful);
    rest.assert_clean(pid);
}

#[tokio::test]
async fn a_hundred_callers_of_kill_get_one_outcome() {
    let Started { plugin, rest } = Fake::new(obeys()).await.start().await;
    let pid = plugin.pid();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let plugin = plugin.clone();
        calls.spawn(async move { plugin.kill().await });
    }
    let outcomes = within(calls.join_all()).await;
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
    assert_eq!(outcomes[0].outcome, ShutdownOutcome::Killed);
    rest.assert_clean(pid);
}

#[tokio::test]
async fn killing_cuts_a_shutdown_short() {
    let Started { plugin, rest } = Fake::new(Behaviour::default())
        .await
        .with(|builder| builder.grpc_grace_period(Duration::from_secs(3600)))
        .start()
        .await;
    let pid = plugin.pid();
    let stopping = tokio::spawn(plugin.clone().shutdown());
    let mut states = plugin.state_changes();
    while within(states.next()).await != Some(State::Stopping) {}
    let refused = within(plugin.ping()).await.unwrap_err();
    assert_eq!(refused.code(), "TRANSPORT_SHUT_DOWN", "new calls are refused");
    let killed = within(plugin.kill()).await;
    assert_eq!(killed.outcome, ShutdownOutcome::Killed);
    assert_eq!(within(stopping).await.unwrap().unwrap(), killed);
    rest.assert_clean(pid);
}

#[tokio::test]
async fn dropping_the_last_handle_kills_and_reaps() {
    let Started { plugin, rest } = Fake::new(obeys()).await.start().await;
    let pid = plugin.pid();
    let (other, channel, stdio) = (plugin.clone(), plugin.channel(), plugin.stdio());
    drop(plugin);
    assert!(exists(pid), "there is another handle");
    drop(other);
    rest.clean(pid).await;
    drop((channel, stdio));
}

#[tokio::test]
async fn dropping_a_shutdown_kills() {
    let Started { plugin, rest } = Fake::new(Behaviour::default())
        .await
        .with(|builder| builder.grpc_grace_period(Duration::from_secs(3600)))
        .start()
        .await;
    let pid = plugin.pid();
    let mut states = plugin.state_changes();
    let stopping = tokio::spawn(plugin.shutdown());
    while within(states.next()).await != Some(State::Stopping) {}
    stopping.abort();
    rest.clean(pid).await;
}

#[test]
fn a_runtime_that_ends_takes_its_plugins_with_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Started { plugin, rest } =
        runtime.block_on(async { Fake::new(obeys()).await.start().await });
    let pid = plugin.pid();
    drop(runtime);
    let after = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    after.block_on(rest.clean(pid));
    let killed = after.block_on(within(plugin.kill()));
    assert_eq!(killed.outcome, ShutdownOutcome::Killed);
}

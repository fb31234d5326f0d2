//! Rows C9, E1, E13, G6, H10 of the fault catalogue.

use std::time::Duration;

use http::Request;
use rpcplugin_client::{Client, Error, ExitStatus, ShutdownOutcome, State, Stdin};
use rpcplugin_core::{Phase, TransportError};
use rpcplugin_transport::{PluginChannel, error_from_status};
use tokio::io::AsyncWriteExt as _;
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tower::Service as _;

use crate::fake::{Behaviour, Fake, Started, process, within};

/// A call that the plugin never answers.
async fn hang(mut channel: PluginChannel) -> Error {
    let request = Request::post("/hang").body(Body::empty()).unwrap();
    error_from_status(&channel.call(request).await.unwrap_err())
}

fn kill(plugin: &Client, signal: rustix::process::Signal) {
    rustix::process::kill_process(process(plugin.pid()), signal).unwrap();
}

#[tokio::test]
async fn a_death_ends_each_call_once_with_the_last_words() {
    let script = "i=0; while [ $i -lt 100 ]; do echo line $i >&2; i=$((i+1)); done; \
                  touch $PLUGIN_UNIX_SOCKET_DIR/said; while :; do sleep 0.01; done";
    let fake = Fake::with_script(Behaviour::default(), script).await;
    let base = fake.base.path().to_owned();
    let Started { plugin, rest } = fake.start().await;
    let said = std::fs::read_dir(base).unwrap().flatten().next().unwrap().path().join("said");
    within(async {
        while !said.exists() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    let calls: Vec<_> = (0..20).map(|_| tokio::spawn(hang(plugin.channel()))).collect();
    let mut states = plugin.state_changes();
    kill(&plugin, rustix::process::Signal::KILL);
    for call in calls {
        let error = within(call).await.unwrap();
        assert_eq!(error.code(), "TRANSPORT_PLUGIN_GONE");
        let report = error.report().expect("it is attached to the status");
        assert_eq!(report.status.and_then(ExitStatus::signal), Some(9));
        assert_eq!(report.phase, Phase::Running);
        let expected: Vec<_> = (0..100).map(|n| format!("line {n}")).collect();
        assert_eq!(report.stderr, expected);
    }
    let report = within(plugin.exited()).await;
    assert_eq!(report.stderr.len(), 100);
    while within(states.next()).await.is_some_and(|state| state != State::Ended) {}
    rest.assert_clean(plugin.pid());

    // A later call ends at once, and so does a later shutdown.
    assert_eq!(within(hang(plugin.channel())).await.code(), "TRANSPORT_PLUGIN_GONE");
    assert_eq!(within(plugin.kill()).await.outcome, ShutdownOutcome::Graceful);
    let Err(Error::Transport { source: TransportError::PluginGone { report }, .. }) =
        within(plugin.shutdown()).await
    else {
        panic!("it had ended by itself")
    };
    assert!(report.is_some());
}

#[tokio::test]
async fn an_exit_is_noticed_when_it_happens() {
    let Started { plugin, rest } =
        Fake::with_script(Behaviour::default(), "sleep 0.2; exit 7").await.start().await;
    let report = within(plugin.exited()).await;
    assert_eq!(report.status, Some(ExitStatus::Code(7)));
    assert_eq!(plugin.exit_status(), Some(ExitStatus::Code(7)));
    assert_eq!(plugin.state(), State::Ended);
    rest.assert_clean(plugin.pid());
}

#[tokio::test]
async fn the_application_may_write_to_a_piped_stdin() {
    let script = "read line; echo got $line >&2; exit 5";
    let Started { plugin, rest } = Fake::with_script(Behaviour::default(), script)
        .await
        .with(|builder| builder.stdin(Stdin::Piped))
        .start()
        .await;
    let mut stdin = plugin.take_stdin().unwrap();
    assert!(plugin.take_stdin().is_none(), "there is one");
    within(stdin.write_all(b"hello\n")).await.unwrap();
    let report = within(plugin.exited()).await;
    assert_eq!(report.status, Some(ExitStatus::Code(5)));
    assert_eq!(report.stderr, ["got hello"]);
    rest.assert_clean(plugin.pid());
}

#[tokio::test]
async fn calls_after_a_shutdown_end_at_once() {
    let Started { plugin, rest: _rest } =
        Fake::new(Behaviour { obeys: true, ..Behaviour::default() }).await.start().await;
    let channel = plugin.channel();
    let before = tokio::spawn(hang(plugin.channel()));
    within(plugin.shutdown()).await.unwrap();
    assert_eq!(within(hang(channel)).await.code(), "TRANSPORT_SHUT_DOWN");
    assert_eq!(within(before).await.unwrap().code(), "TRANSPORT_SHUT_DOWN");
}

#[tokio::test]
async fn a_closed_stdout_is_not_death() {
    let script = "exec >&-; while [ ! -e $PLUGIN_UNIX_SOCKET_DIR/stop ]; do sleep 0.01; done";
    let behaviour = Behaviour { obeys: true, ..Behaviour::default() };
    let Started { plugin, rest } = Fake::with_script(behaviour, script).await.start().await;
    let pid = plugin.pid();
    within(plugin.ping()).await.unwrap();
    assert_eq!(within(plugin.shutdown()).await.unwrap().outcome, ShutdownOutcome::Graceful);
    rest.assert_clean(pid);
}

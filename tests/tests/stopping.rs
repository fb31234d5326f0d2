//! How a plugin ends when its host wants it to: `docs/faults.md` H.

#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rpcplugin::{
    Client,
    client::{Builder, ShutdownOutcome, ShutdownReport, State},
    core::ExitStatus,
};
use rpcplugin_tests::{
    Fifo,
    host::{evil_plugin, exists, freeze, gone, host, probe, program, signal, test_plugin},
    leak::{LeakGuard, Runtime, leak_free, leak_free_on},
};
use rustix::process::Signal;
use tokio_stream::StreamExt as _;

const LINE: &str = "1|{version}|{network}|{address}|grpc|{cert}";
const GRACE: Duration = Duration::from_millis(400);
const TERM: Duration = Duration::from_millis(200);
/// For the kill, and for a machine that is busy.
const REST: Duration = Duration::from_secs(2);

/// A host with short steps, so that the tests that climb the whole ladder are short.
fn hasty(guard: &LeakGuard) -> Builder {
    host(guard).grpc_grace_period(GRACE).terminate_timeout(TERM)
}

/// Stops within the bound, and tells how.
async fn stop(client: Client) -> ShutdownReport {
    let stop = tokio::time::timeout(GRACE + TERM + REST, client.shutdown());
    let report = stop.await.expect("within its bound").expect("it was alive");
    assert!(report.took < GRACE + TERM + REST);
    report
}

#[test]
fn an_orderly_plugin_ends_as_it_is_asked_to() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let mut states = client.state_changes();
        assert_eq!(states.next().await, Some(State::Running));
        let report = stop(client).await;
        assert_eq!(report.outcome, ShutdownOutcome::Graceful);
        assert_eq!(report.status, Some(ExitStatus::Code(0)));
        assert_eq!(states.collect::<Vec<_>>().await.last(), Some(&State::Ended));
    });
}

#[test]
fn h1_a_call_in_flight_may_finish() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = test_plugin(guard);
        command.env("TEST_PLUGIN_REPORT", reports.path());
        let client = host(guard).spawn(command).await.unwrap();
        let mut probe = probe(&client);
        let call = tokio::spawn(async move { probe.sleep(700_u32).await });
        assert_eq!(reports.line().await.unwrap(), "sleep started");
        let report = client.shutdown().await.unwrap();
        assert_eq!(report.outcome, ShutdownOutcome::Graceful);
        call.await.unwrap().unwrap();
    });
}

#[test]
fn a_call_that_takes_too_long_is_cut_and_the_plugin_ends_all_the_same() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = test_plugin(guard);
        command.env("TEST_PLUGIN_REPORT", reports.path());
        let client = host(guard).spawn(command).await.unwrap();
        let mut probe = probe(&client);
        let call = tokio::spawn(async move { probe.sleep(600_000_u32).await });
        assert_eq!(reports.line().await.unwrap(), "sleep started");
        let report = client.shutdown().await.unwrap();
        assert_eq!(report.outcome, ShutdownOutcome::Graceful);
        assert!(call.await.unwrap().is_err());
    });
}

#[test]
fn h2_a_plugin_that_ignores_everything_is_killed() {
    leak_free(async |guard| {
        let plugin = program("evil-plugin");
        let mut command = guard.command("sh");
        // What a shell ignores, its successor ignores too.
        command.args(["-c", r#"trap '' TERM; exec "$0" "$@""#]).arg(plugin);
        command.args(["listen", "unix", "serve", "deaf-tls", "line", LINE, "hang"]);
        let client = hasty(guard).spawn(command).await.unwrap();
        let report = stop(client).await;
        assert_eq!(report.outcome, ShutdownOutcome::Killed);
        assert_eq!(report.status.unwrap().signal(), Some(9));
    });
}

#[test]
fn h12_a_plugin_that_ends_between_sigterm_and_sigkill_is_terminated() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut gate = Fifo::create(guard.scratch(), "gate").unwrap();
        let mut command = guard.command("sh");
        // The shell is the process that the host started; what serves is its child.
        let script = r#"trap 'echo SIGTERM >"$REPORTS"; read go <"$GATE"; exit 7' TERM
            "$0" "$@" & wait"#;
        command.args(["-c", script]).arg(program("evil-plugin"));
        command.args(["listen", "unix", "serve", "deaf-tls", "line", LINE, "hang"]);
        command.env("REPORTS", reports.path()).env("GATE", gate.path());
        let patient = hasty(guard).terminate_timeout(Duration::from_secs(60));
        let client = patient.spawn(command).await.unwrap();
        let stop = tokio::spawn(client.shutdown());
        assert_eq!(reports.line().await.unwrap(), "SIGTERM");
        gate.release().await.unwrap();
        let stop = tokio::time::timeout(REST * 5, stop).await.expect("nothing waits for the 60 s");
        let report = stop.unwrap().unwrap();
        assert_eq!(report.outcome, ShutdownOutcome::Terminated);
        assert_eq!(report.status, Some(ExitStatus::Code(7)));
    });
}

#[test]
fn a_plugin_that_acknowledges_shutdown_and_stays_is_terminated() {
    leak_free(async |guard| {
        let words = ["listen", "unix", "serve", "deaf-tls", "line", LINE, "hang"];
        let client = hasty(guard).spawn(evil_plugin(guard, words)).await.unwrap();
        let report = stop(client).await;
        assert_eq!(report.outcome, ShutdownOutcome::Terminated);
        assert_eq!(report.status.unwrap().signal(), Some(15));
    });
}

#[test]
fn h3_a_stopped_plugin_is_shut_down_within_its_bound() {
    leak_free(async |guard| {
        for words in [None, Some(["listen", "unix", "serve", "grpc-tls", "line", LINE, "hang"])] {
            let command = match words {
                None => test_plugin(guard),
                Some(words) => evil_plugin(guard, words),
            };
            let client = hasty(guard).spawn(command).await.unwrap();
            freeze(client.pid()).await;
            let report = stop(client).await;
            assert_eq!(report.outcome, ShutdownOutcome::Killed);
        }
    });
}

#[test]
fn h4_a_plugin_without_a_controller_is_terminated() {
    leak_free(async |guard| {
        let words = ["listen", "unix", "serve", "bare-tls", "line", LINE, "hang"];
        let client = hasty(guard).spawn(evil_plugin(guard, words)).await.unwrap();
        assert_eq!(stop(client).await.outcome, ShutdownOutcome::Terminated);
    });
}

#[test]
fn a_grandchild_that_holds_the_pipes_does_not_hold_the_end() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let plugin = program("test-plugin");
        let report = ["report", reports.path(), "{child}"].map(str::to_owned);
        let mut words = vec!["child", "hang"];
        words.extend(report.iter().map(String::as_str));
        words.extend(["exec", plugin.to_str().unwrap()]);
        let client = host(guard).spawn(evil_plugin(guard, words)).await.unwrap();
        let grandchild = reports.line().await.unwrap().parse().unwrap();
        let report = stop(client).await;
        assert_eq!(report.outcome, ShutdownOutcome::Graceful);
        gone(grandchild).await;
    });
}

#[test]
fn a_grandchild_that_holds_the_pipes_does_not_hide_a_death() {
    leak_free(async |guard| {
        let plugin = program("test-plugin");
        let words = ["child", "hang", "exec", plugin.to_str().unwrap()];
        let client = host(guard).spawn(evil_plugin(guard, words)).await.unwrap();
        signal(client.pid(), Signal::KILL);
        let exited = tokio::time::timeout(Duration::from_secs(2), client.exited());
        assert_eq!(exited.await.unwrap().status.unwrap().signal(), Some(9));
    });
}

#[test]
fn h5_all_who_stop_or_kill_get_the_same_report() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let kills = (0..100).map(|_| {
            let client = client.clone();
            async move { client.kill().await }
        });
        let mut reports = join_all(kills).await;
        reports.push(client.kill().await);
        reports.push(client.shutdown().await.unwrap());
        assert_eq!(reports[0].outcome, ShutdownOutcome::Killed);
        assert!(reports.iter().all(|report| *report == reports[0]));
    });
}

#[test]
fn h6_a_dropped_client_kills_and_reaps() {
    for runtime in [Runtime::CurrentThread, Runtime::MultiThread] {
        leak_free_on(runtime, async |guard| {
            let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
            let (pid, other) = (client.pid(), client.clone());
            drop(client);
            assert!(exists(pid), "another handle lives");
            other.ping().await.unwrap();
            drop(other);
            gone(pid).await;
        });
    }
}

#[test]
fn h6_a_client_may_outlive_its_runtime() {
    for workers in [0, 2] {
        let guard = LeakGuard::new();
        let mut builder = match workers {
            0 => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = builder.enable_all().build().unwrap();
        let client = runtime.block_on(host(&guard).spawn(test_plugin(&guard))).unwrap();
        drop(runtime);
        drop(client);
        guard.check_blocking();
    }
}

#[test]
fn a_runtime_that_ends_takes_its_plugins_with_it() {
    let guard = LeakGuard::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(host(&guard).spawn(test_plugin(&guard))).unwrap();
    drop(runtime);
    let started = Instant::now();
    while exists(client.pid()) {
        assert!(started.elapsed() < Duration::from_secs(2));
        std::thread::yield_now();
    }
    drop(client);
    guard.check_blocking();
}

#[test]
fn h8_ctrl_c_leaves_the_decision_to_the_host() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        for _ in 0..3 {
            signal(client.pid(), Signal::INT);
        }
        assert_eq!(probe(&client).echo(b"alive".to_vec()).await.unwrap().into_inner(), b"alive");
        assert_eq!(stop(client).await.outcome, ShutdownOutcome::Graceful);
    });
}

#[test]
fn a_plugin_leads_its_own_process_group() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", client.pid())).unwrap();
        let group = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(2).unwrap();
        assert_eq!(group, client.pid().to_string());
        stop(client).await;
    });
}

#[test]
fn h11_descendants_in_the_group_die_with_a_killed_plugin() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let plugin = program("test-plugin");
        let report = ["report", reports.path(), "{child}"].map(str::to_owned);
        let mut words = vec!["child", "hang"];
        words.extend(report.iter().map(String::as_str));
        words.extend(["exec", plugin.to_str().unwrap()]);
        let client = host(guard).spawn(evil_plugin(guard, words)).await.unwrap();
        let grandchild = reports.line().await.unwrap().parse().unwrap();
        assert_eq!(client.kill().await.outcome, ShutdownOutcome::Killed);
        gone(grandchild).await;
    });
}

#[test]
fn h11_descendants_that_left_the_group_die_with_a_killed_plugin() {
    leak_free(async |guard| {
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        let mut command = guard.command("sh");
        let script = r#"setsid sh -c 'echo $$ > "$0"; exec sleep 300' "$1" & exec "$0""#;
        command.args(["-c", script]).arg(program("test-plugin")).arg(reports.path());
        let client = host(guard).spawn(command).await.unwrap();
        let descendant = reports.line().await.unwrap().parse().unwrap();
        assert_eq!(client.kill().await.outcome, ShutdownOutcome::Killed);
        gone(descendant).await;
    });
}

#[test]
fn n6_a_client_works_from_another_runtime() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let calls = client.clone();
        let other = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                probe(&calls).echo(b"from afar".to_vec()).await.unwrap();
                calls.shutdown().await.unwrap()
            })
        });
        let report = tokio::task::spawn_blocking(|| other.join().unwrap()).await.unwrap();
        assert_eq!(report.outcome, ShutdownOutcome::Graceful);
        drop(client);
    });
}

#[test]
fn e13_calls_after_a_shutdown_say_so_at_once() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let (mut probe, other) = (probe(&client), client.clone());
        stop(client).await;
        let status = probe.echo(vec![]).await.unwrap_err();
        assert_eq!(rpcplugin::transport::error_from_status(&status).code(), "TRANSPORT_SHUT_DOWN");
        assert_eq!(other.ping().await.unwrap_err().code(), "TRANSPORT_SHUT_DOWN");
    });
}

//! Times, logs, signals and the ends of a plugin.

use std::{fs, time::Duration};

use rpcplugin::config::Setting;
use rustix::process::Signal;
use tokio::time::timeout;

use crate::case::{Case, cases};

/// Only the name says that it is a log line of this level.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

cases! {
    log_level: Case::new(
        &[(Setting::LogLevel, "DEBUG")],
        "error warn info debug",
        |start| Box::pin(async move {
            let launched = start.served(&[]).await;
            let mut probe = launched.probe().await;
            for level in LEVELS {
                probe.log(format!("{level}:marked {level}")).await.unwrap();
            }
            drop(probe);
            let said = launched.stop().await;
            let seen = LEVELS.into_iter().filter(|one| said.contains(&format!("marked {one}\"")));
            seen.collect::<Vec<_>>().join(" ")
        }),
    )
    .other(&[(Setting::LogLevel, "ERROR")]);

    server_ready_timeout: Case::new(
        &[(Setting::ServerReadyTimeout, "0.2")],
        "server_ready_timeout of 200ms",
        |start| Box::pin(async move {
            let mut command = start.command();
            command.arg("slow");
            let crate::launched::Outcome::Serves(launched) = crate::launched::start(command).await
            else {
                panic!("it did not start");
            };
            let said = launched.stop().await;
            let told = said.lines().find_map(|line| line.split_once("server_ready_timeout"));
            format!("server_ready_timeout{}", told.unwrap().1)
        }),
    )
    .other(&[(Setting::ServerReadyTimeout, "0.3")]);

    grpc_grace_period: Case::new(
        &[(Setting::GrpcGracePeriod, "0.3")],
        "300ms",
        |start| Box::pin(async move {
            let launched = start.served(&[]).await;
            let mut probe = launched.probe().await;
            let mut slow = probe.clone();
            let slow = tokio::spawn(async move { slow.sleep(600_000).await });
            // Calls of one connection keep their order.
            probe.echo(Vec::new()).await.unwrap();
            drop(probe);
            let said = launched.stop().await;
            assert!(slow.await.unwrap().is_err());
            let cut = said.lines().find(|line| line.contains("calls were cut")).unwrap();
            let line: serde_json::Value = serde_json::from_str(cut).unwrap();
            line["grace"].as_str().unwrap().to_owned()
        }),
    )
    .other(&[(Setting::GrpcGracePeriod, "0.4")]);

    shutdown_file_path: Case::new(
        &[(Setting::ShutdownFilePath, "{scratch}/stop")],
        "stopped",
        |start| Box::pin(async move {
            let path = start.guard.scratch().join("stop");
            let mut launched = start.served(&[]).await;
            fs::write(&path, "").unwrap();
            // To a plugin that looks there it takes a second at most, on an idle machine.
            let looks = start.is_given(&path.display().to_string());
            let limit = if looks { crate::launched::LONG } else { Duration::from_millis(1200) };
            let ended = timeout(limit, launched.child.wait()).await.is_ok();
            if !ended {
                launched.stop().await;
            }
            (if ended { "stopped" } else { "runs" }).to_owned()
        }),
    )
    .other(&[(Setting::ShutdownFilePath, "{scratch}/elsewhere")]);

    ignore_sigint: Case::new(
        &[(Setting::IgnoreSigint, "false")],
        "stopping",
        |start| Box::pin(async move {
            let mut launched = start.served(&[("PLUGIN_LOG_LEVEL", "DEBUG")]).await;
            launched.signal(Signal::INT);
            let said = launched.says(&["ignored SIGINT", "stopping"]).await;
            if said == "stopping" {
                launched.end().await;
            } else {
                launched.stop().await;
            }
            said
        }),
    )
    .other(&[(Setting::IgnoreSigint, "true")]);

    stdio_buffer_bytes: Case::new(
        &[(Setting::StdioBufferBytes, "4KiB")],
        "lost",
        |start| Box::pin(async move {
            let mut launched = start.served(&[("PLUGIN_LOG_LEVEL", "TRACE")]).await;
            let mut probe = launched.probe().await;
            probe.print("x".repeat(20_000)).await.unwrap();
            // What was printed is captured on another thread.
            let lost = start.is_given("4KiB");
            if lost {
                launched.says(&["the oldest was dropped"]).await;
            }
            drop(probe);
            let said = launched.stop().await;
            let lost = lost || said.contains("the oldest was dropped");
            (if lost { "lost" } else { "kept" }).to_owned()
        }),
    )
    .other(&[(Setting::StdioBufferBytes, "64KiB")]);
}

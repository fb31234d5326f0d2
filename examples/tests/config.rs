//! The settings of the example, each from another place.

use std::{fs, process::Command};

#[test]
fn each_setting_tells_where_it_came_from() {
    let made = tempfile::tempdir().expect("there is room");
    let files = [
        ("settings.yaml", "plugin_handshake_timeout: 40s\nplugin_client_transports: [tcp]\n"),
        ("settings.json", "{\"plugin_handshake_timeout\": 30}\n"),
        ("settings.toml", "plugin_start_timeout = \"55s\"\n"),
    ];
    for (name, text) in files {
        fs::write(made.path().join(name), text).expect("there is room");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_config-host"))
        .arg(env!("CARGO_BIN_EXE_kv-plugin"))
        .args(files.map(|(name, _)| name))
        .current_dir(made.path())
        .env("PLUGIN_HANDSHAKE_TIMEOUT", "20")
        .output()
        .expect("cargo built it");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    for line in [
        "PLUGIN_HANDSHAKE_TIMEOUT = 20s from variable PLUGIN_HANDSHAKE_TIMEOUT\n  \
         over 30s from settings.json:1:30\n  over 40s from settings.yaml:1:27\n  \
         over 50s from the program\n  over 60s from the default\n",
        "PLUGIN_CLIENT_TRANSPORTS = tcp from settings.yaml:2:27\n",
        "PLUGIN_START_TIMEOUT = 55s from settings.toml:1:24\n",
        "the plugin listens on tcp\n",
    ] {
        assert!(stdout.contains(line), "{line}\n is not in\n{stdout}");
    }
}

#[test]
fn an_error_points_into_the_file() {
    let made = tempfile::tempdir().expect("there is room");
    fs::write(made.path().join("bad.yaml"), "plugin_start_timeout: soon\n").expect("there is room");
    let output = Command::new(env!("CARGO_BIN_EXE_config-host"))
        .args([env!("CARGO_BIN_EXE_kv-plugin"), "bad.yaml"])
        .current_dir(made.path())
        .output()
        .expect("cargo built it");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("bad.yaml:1:23"), "{stderr}");
}

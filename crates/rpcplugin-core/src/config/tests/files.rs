//! Every setting from every format, and the order of files, profiles and environment.

use std::path::{Path, PathBuf};

use super::*;

const FORMATS: [&str; 3] = ["toml", "yaml", "json"];

/// A file with one key.
fn write(directory: &Path, name: &str, extension: &str, key: &str, text: &str) -> PathBuf {
    let quoted = serde_json::Value::from(text).to_string();
    let content = match extension {
        "toml" => format!("{key} = {quoted}\n"),
        "yaml" => format!("{key}: {quoted}\n"),
        _ => format!("{{\n\t\"{key}\": {quoted}\n}}\n"),
    };
    let path = directory.join(name).with_extension(extension);
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn each_setting_comes_from_each_format_and_a_later_file_wins() {
    let made = tempfile::tempdir().unwrap();
    for (setting, [first, second, third]) in samples() {
        let key = setting.key().unwrap();
        for extension in FORMATS {
            let one = write(made.path(), "one", extension, &key, first);
            let two = write(made.path(), "two", extension, &key, second);
            let base = || Config::builder().program(partners(setting));
            let build = |builder: ConfigBuilder| {
                builder.build().unwrap_or_else(|error| panic!("{setting}: {error:?}"))
            };
            let config = build(base().file(&one));
            assert_eq!(config.value(setting), Some(&value(setting, first)), "{setting}");
            let Source::File(place) = config.entry(setting).source else { panic!("{setting}") };
            assert_eq!(
                (place.path(), place.line()),
                (&*one, if extension == "json" { 2 } else { 1 })
            );

            let config = build(base().file(&one).file(&two));
            assert_eq!(config.value(setting), Some(&value(setting, second)), "{setting}");
            assert_eq!(config.files(), [one.clone(), two.clone()]);
            let environment = [(setting.variable(), third)];
            let config = build(base().file(&two).environment(environment));
            assert_eq!(config.value(setting), Some(&value(setting, third)), "{setting}");
            let entry = config.entry(setting);
            assert!(matches!(entry.overridden[0].source, Source::File(_)), "{setting}");

            // Files may raise protection, so that the program's value must not be the better one.
            let equal = build(base().set(&key, second).file(&two));
            assert!(matches!(equal.entry(setting).source, Source::File(_)), "{setting}");
        }
    }
}

#[test]
fn values_are_written_as_the_format_has_them() {
    let made = tempfile::tempdir().unwrap();
    let texts = [
        (
            "toml",
            "plugin_start_timeout = 2.5\nplugin_host_min_port = 10_500\nplugin_insecure = true\n\
             plugin_client_transports = [\"tcp\"]\nplugin_host_protocol_versions = [4, 2]\n\
             plugin_server_unix_socket_mode = 0o660\nplugin_magic_cookie_value = \"0042\"\n",
        ),
        (
            "yaml",
            "# settings\nplugin_start_timeout: 2.5\nplugin_host_min_port: 10500\n\
             plugin_insecure: yes\nplugin_client_transports:\n  - tcp\n\
             plugin_host_protocol_versions: [4, 2]\nplugin_server_unix_socket_mode: 0660\n\
             plugin_magic_cookie_value: 0042\n",
        ),
        (
            "json",
            r#"{"plugin_start_timeout": 2.5, "plugin_host_min_port": 10500,
                "plugin_insecure": true, "plugin_client_transports": ["tcp"],
                "plugin_host_protocol_versions": [4, 2],
                "plugin_server_unix_socket_mode": "0660",
                "plugin_magic_cookie_value": "\u0030042"}"#,
        ),
    ];
    for (extension, text) in texts {
        let path = made.path().join("one").with_extension(extension);
        std::fs::write(&path, text).unwrap();
        let config = Config::builder().file(&path).build().unwrap();
        assert_eq!(config.start_timeout(), Duration::from_millis(2500), "{extension}");
        assert_eq!(config.host_min_port(), 10_500);
        assert!(config.insecure());
        assert_eq!(config.client_transports(), [crate::Network::Tcp]);
        assert_eq!(config.host_protocol_versions(), [4, 2]);
        assert_eq!(config.server_unix_socket_mode(), 0o660);
        assert_eq!(config.magic_cookie_value().unwrap().expose(), "0042", "{extension}");
    }
}

#[test]
fn an_empty_file_says_nothing() {
    let made = tempfile::tempdir().unwrap();
    for (extension, text) in [("toml", ""), ("yaml", ""), ("yaml", "# nothing\n"), ("json", "{}")] {
        let path = made.path().join("one").with_extension(extension);
        std::fs::write(&path, text).unwrap();
        let config = Config::builder().file(path).build().unwrap();
        let mut others = config.entries().filter(|entry| entry.setting != Setting::Files);
        assert!(others.all(|entry| entry.source == Source::Default), "{text:?}");
    }
}

#[test]
fn files_of_the_environment_come_after_the_programs() {
    let made = tempfile::tempdir().unwrap();
    let key = "plugin_start_timeout";
    let paths = ["1", "2", "3"].map(|text| write(made.path(), text, "yaml", key, text));
    let list = std::env::join_paths(&paths[1..]).unwrap();
    let builder = Config::builder().file(&paths[0]).environment([("PLUGIN_CONFIG_FILE", list)]);
    let config = builder.build().unwrap();
    assert_eq!(config.start_timeout(), Duration::from_secs(3));
    assert_eq!(config.files(), paths);
    assert_eq!(config.entry(Setting::StartTimeout).overridden.len(), 3);
}

#[test]
fn a_profile_overlays_its_own_file() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("one.toml");
    let text = "plugin_start_timeout = 1\n[profile.slow]\nplugin_start_timeout = 2\n\
                [profile.go-plugin]\nplugin_handshake_timeout = 3\n";
    std::fs::write(&path, text).unwrap();
    let build = |profile| Config::builder().file(&path).profile(profile).build();
    assert_eq!(build("slow").unwrap().start_timeout(), Duration::from_secs(2));
    let config = build("go-plugin").unwrap();
    assert_eq!(config.start_timeout(), Duration::from_secs(1));
    assert_eq!(config.handshake_timeout(), Duration::from_secs(3));
    assert!(config.inherit_env(), "the built-in one of that name holds, too");
    assert_eq!(config.profiles().collect::<Vec<_>>(), ["go-plugin", "slow"]);
    let environment = [("PLUGIN_PROFILE", "slow")];
    let config = Config::builder().file(&path).profile("go-plugin").environment(environment);
    assert_eq!(config.build().unwrap().start_timeout(), Duration::from_secs(2));
    let error = build("fast").unwrap_err();
    assert_eq!(error.code(), "CONFIG_UNKNOWN_PROFILE");
    assert_eq!(error.hint(), "defined are go-plugin, slow");
}

#[test]
fn errors_for_machines_say_where_in_a_file() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("one.yaml");
    std::fs::write(&path, "plugin_start_timeout: x\nplugin_server_port: 1\n no: 1\n").unwrap();
    let place = |error: &serde_json::Value| {
        assert_eq!(error["place"]["file"], *path.to_string_lossy());
        [&error["place"]["line"], &error["place"]["column"]].map(|n| n.as_u64().unwrap())
    };
    let load = || Config::builder().file(&path).build().unwrap_err().to_json();
    assert_eq!(place(&load())[0], 3, "a syntax error stands alone");

    std::fs::write(&path, "plugin_start_timeout: x\nplugin_server_port: 1\nno: 1\n").unwrap();
    let error = load();
    assert!(error.get("place").is_none());
    let problems = error["problems"].as_array().unwrap();
    assert_eq!(problems.iter().map(place).collect::<Vec<_>>(), [[1, 23], [3, 1]]);
    assert_eq!(problems[1]["code"], "CONFIG_UNKNOWN_KEY");
}

#[test]
fn a_file_never_lowers_what_the_program_chose() {
    let made = tempfile::tempdir().unwrap();
    let path = write(made.path(), "one", "toml", "plugin_insecure", "true");
    let error = Config::builder().set("plugin_auto_mtls", "true").file(&path).build().unwrap_err();
    assert_eq!(error.code(), "SECURITY_CONFIG_CONFLICT");
    let place = format!("({}:1:19)", path.display());
    assert!(error.to_string().contains(&place), "{error}");
}

proptest::proptest! {
    // Each writes fifteen files.
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, text: String, known: bool) {
        let made = tempfile::tempdir().unwrap();
        let key = if known { "plugin_host_protocol_versions" } else { "x" };
        for extension in FORMATS {
            let path = made.path().join("one").with_extension(extension);
            for content in [
                bytes.clone(),
                text.clone().into_bytes(),
                format!("{key}: {text}").into_bytes(),
                format!("{key} = {text}").into_bytes(),
                format!("{{\"{key}\": {text}").into_bytes(),
            ] {
                std::fs::write(&path, content).unwrap();
                if let Err(error) = Config::builder().file(&path).build() {
                    let _ = (format!("{error:?}"), miette::Report::new(error).to_string());
                }
            }
        }
    }
}

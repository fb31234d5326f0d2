//! What of a file is shown, and which place.

use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;
use crate::{ConfigError, Error};

/// What a person sees of a file with a fault.
fn report(directory: &Path, extension: &str, text: &str) -> String {
    let path = directory.join("one").with_extension(extension);
    std::fs::write(&path, text).unwrap();
    let error = Config::builder().file(path).build().unwrap_err();
    let mut shown = format!("{error:?}\n");
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    handler.with_width(300).with_context_lines(9).render_report(&mut shown, &error).unwrap();
    shown
}

#[test]
fn nothing_is_shown_that_may_be_a_secret() {
    let made = tempfile::tempdir().unwrap();
    let files = [
        ("yaml", "plugin_magic_cookie_value: {s3cret}\nx: 1"),
        ("yaml", "plugin_magic_cookie_value:\n  # s3cret\n  s3cret: 2\nx: 1"),
        ("yaml", "# plugin_magic_cookie_value: s3cret\nx: 1"),
        ("yaml", "plugin_start_timeout: {s3cret: 1}"),
        ("yaml", "x: {s3cret: [s3cret, {s3cret: s3cret}]}"),
        ("toml", "plugin_magic_cookie_value = { s3cret = 1 }\nx = 1"),
        ("toml", "plugin_magic_cookie_value.s3cret = 1\nx = 1"),
        ("toml", "x = 1\n[plugin_magic_cookie_value.s3cret]\nb = 1"),
        ("toml", "x = 1\n[[plugin_host_key]]\ns3cret = 1"),
        ("json", "{\"plugin_magic_cookie_value\": {\"s3cret\": 1}, \"x\": 1}"),
        ("json", "{\"profile\": {\"a\": {\"x\": {\"s3cret\": 1}}}}"),
        ("json", "{\"profile\": {\"a\": [\"s3cret\"]}}"),
        ("toml", "plugin_host_cert = \"-----BEGIN PRIVATE KEY-----s3cret\"\nx = 1"),
        // Without a tree, nothing at all.
        ("toml", "plugin_server_cert = s3cret"),
        ("yaml", "value: 's3cret"),
        ("json", "{\"value\": s3cret}"),
    ];
    for (extension, text) in files {
        let shown = report(made.path(), extension, text);
        assert!(!shown.contains("s3cret"), "{text}\n{shown}");
    }
    let shown = report(made.path(), "toml", "plugin_start_timeout = 3\n[profile.mine]\nx = 1");
    for part in ["plugin_start_timeout = 3", "[profile.mine]", "x = *"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[track_caller]
fn found_at(directory: &Path, extension: &str, text: &str, bad: &str) {
    let path = directory.join("one").with_extension(extension);
    std::fs::write(&path, text).unwrap();
    let error = Config::builder().file(path).build().unwrap_err();
    let Some(Source::File(place)) = (match &error {
        Error::Config { source: ConfigError::Setting { from, .. }, .. } => Some(from.as_ref()),
        _ => None,
    }) else {
        panic!("{text:?}: {error:?}");
    };
    let before = &text[..text.find(bad).unwrap()];
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let expected = (before.matches('\n').count() + 1, before[line..].chars().count() + 1);
    assert_eq!((place.line(), place.column()), expected, "{text:?}");
}

#[test]
fn yaml_tells_the_place_whatever_ends_its_lines() {
    let made = tempfile::tempdir().unwrap();
    for text in [
        "# ä\rplugin_insecure: no\r\nplugin_start_timeout: soon\n",
        "plugin_insecure: no\rplugin_start_timeout: soon",
        "# ö\r\n# ü\r\nplugin_insecure: no # ß\r\n\r\nplugin_start_timeout: soon",
        "plugin_env_allow: [ # ä\n A, # ö\r\n B] # ü\rplugin_start_timeout: soon",
        "plugin_host_unix_socket_group: \"ä\u{1f600}\" # ß\nplugin_start_timeout: soon",
        "\u{feff}plugin_start_timeout: soon",
        "# ä\n\u{feff}plugin_start_timeout: soon",
        "plugin_host_unix_socket_group: |\n  ä\nplugin_start_timeout: soon",
    ] {
        found_at(made.path(), "yaml", text, "soon");
    }
}

/// Whoever counts each place from the beginning of its line does not end before the harness does.
#[test]
fn a_long_line_of_yaml_is_read_in_one_go() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("one.yaml");
    let items = "ä,".repeat(200_000);
    std::fs::write(&path, format!("plugin_host_protocol_versions: [{items}]")).unwrap();
    let error = Config::builder().file(path).build().unwrap_err();
    assert_eq!(error.code(), "CONFIG_PROTOCOL_VERSIONS");
}

#[test]
fn keys_of_toml_are_not_nested_without_end() {
    let made = tempfile::tempdir().unwrap();
    let path = made.path().join("one.toml");
    let dotted = "a.".repeat(100_000);
    let inline = "{ a.a.a.a.a.a.a.a = ".repeat(70);
    // Each within what the parser bounds by itself.
    let both = format!("{{ {}a = ", "a.".repeat(60)).repeat(75);
    for text in [
        format!("{dotted}a = 1"),
        format!("[{dotted}a]\nb = 1"),
        format!("[[{dotted}a]]"),
        format!("'a' . {dotted}a = 1"),
        format!("a = {{ {dotted}a = 1 }}"),
        format!("a = {inline} 1{}", "}".repeat(70)),
        format!("a = {both} 1{}", "}".repeat(75)),
        format!("a = {}1{}", "[".repeat(70), "]".repeat(70)),
    ] {
        std::fs::write(&path, &text).unwrap();
        let error = Config::builder().file(&path).build().unwrap_err();
        assert_eq!(error.code(), "CONFIG_FILE_SYNTAX");
        assert!(error.to_string().ends_with("too deep"), "{error}");
    }
    // Dots in texts, comments and numbers are none of keys.
    let dots = "a.".repeat(100);
    let text = format!(
        "# {dots}\nplugin_host_unix_socket_group = \"{dots}\"\n\
                        plugin_start_timeout = 1.5 # {dots}\n\
                        plugin_server_advertise_host = '''{dots}'''"
    );
    std::fs::write(&path, text).unwrap();
    let config = Config::builder().file(&path).build().unwrap();
    assert_eq!(config.host_unix_socket_group(), Some(dots.as_str()));
}

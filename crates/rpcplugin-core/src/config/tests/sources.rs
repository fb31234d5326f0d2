//! What of a file is shown, and which place.

use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;

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

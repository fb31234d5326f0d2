//! The names that programs and operators rely on. Whoever changes one of these snapshots breaks
//! somebody's dashboard or start script, and says so in the changelog.

use std::fmt::Write as _;

use rpcplugin_core::{codes, config::Setting};

#[track_caller]
fn stay(name: &str, lines: String) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!(name, lines));
}

#[test]
fn codes_of_errors() -> std::fmt::Result {
    let mut lines = String::new();
    for info in codes() {
        writeln!(lines, "{} {}, retryable: {}", info.kind, info.code, info.retryable)?;
    }
    stay("codes_of_errors", lines);
    Ok(())
}

#[test]
fn settings() -> std::fmt::Result {
    let mut lines = String::new();
    for setting in Setting::ALL {
        let key = setting.key().unwrap_or_else(|| "-".to_owned());
        writeln!(lines, "{} {key} {}", setting.variable(), setting.accessor())?;
    }
    stay("settings", lines);
    Ok(())
}

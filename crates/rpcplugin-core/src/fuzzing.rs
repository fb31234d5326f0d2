//! What `fuzz/` runs on this crate; `docs/decisions.md` says why it stands here.
//!
//! Each function takes any bytes, and panics if a promise does not hold for them.

use std::ffi::OsString;

use crate::{
    CertificateField, Handshake, LaunchEnv, Reattach, VersionSet,
    env::{self, PortRange},
};

/// The handshake line, as a host reads it.
pub fn handshake_line(line: &[u8]) {
    let host: VersionSet = [0, 1, 3, VersionSet::MAX].into_iter().collect();
    match Handshake::read(line, &host) {
        Ok(handshake) => {
            assert!(host.contains(handshake.app_version));
            // Paths that no plugin of ours would print are read, too.
            if let Ok(line) = handshake.to_line() {
                let again: Result<Handshake, _> = line.parse();
                assert_eq!(again.ok().map(|again| again.address), Some(handshake.address));
            }
        }
        Err(error) => {
            harmless(&error.to_string());
            assert!(!error.code().is_empty());
        }
    }
}

/// The variables that a host gives its plugin: one value after another, with NUL between them.
pub fn environment(values: &[u8]) {
    let values: Vec<&[u8]> = values.split(|byte| *byte == 0).collect();
    let launch = LaunchEnv::read(|name| {
        let at = env::LAUNCH_VARIABLES.iter().position(|variable| *variable == name)?;
        values.get(at).map(|value| os_string(value))
    });
    if let Some(versions) = &launch.versions {
        assert!(versions.iter().all(|version| version <= VersionSet::MAX));
    }
    // Eight items and a count for each of two lists.
    assert!(launch.warnings.len() <= 18);
    for warning in &launch.warnings {
        harmless(warning);
        assert!(warning.len() < 1024);
    }
    let (min, max) = &launch.ports;
    match PortRange::parse(min.as_deref(), max.as_deref()) {
        Ok(PortRange::Within(ports)) => assert!(ports.start() <= ports.end()),
        Ok(PortRange::System) => {}
        Err(error) => harmless(&error.to_string()),
    }
}

/// The record of a running plugin, as hosts find it in a variable.
pub fn reattach_record(json: &[u8]) {
    let Ok(json) = std::str::from_utf8(json) else { return };
    match Reattach::from_json(json, "kv") {
        Ok(record) => {
            assert!(record.pid > 0 && i32::try_from(record.pid).is_ok());
            // Addresses that no host of ours would dial are read, too.
            if let Ok(written) = record.to_json("kv") {
                let again = Reattach::from_json(&written, "kv").ok();
                let mut expected = record;
                if !expected.plugin_cert.is_announced() {
                    expected.plugin_cert = CertificateField::default();
                }
                assert_eq!(again, Some(expected));
            }
        }
        Err(error) => {
            harmless(&error.to_string());
            assert!(!error.code().is_empty());
        }
    }
}

/// Settings in the environment: the number of one and its value, one after another, with NUL
/// between them.
pub fn settings(variables: &[u8]) {
    let variables = variables.split(|byte| *byte == 0);
    crate::config::fuzzing::settings(variables.filter_map(|variable| {
        let (number, value) = variable.split_first()?;
        Some((*number, os_string(value)))
    }));
}

/// A configuration file; its first byte says in which format.
#[cfg(feature = "config-files")]
pub fn configuration_file(bytes: &[u8]) {
    let Some((format, text)) = bytes.split_first() else { return };
    if let Ok(text) = std::str::from_utf8(text) {
        crate::config::fuzzing::file(*format, text);
    }
}

/// Nothing in a text acts on a terminal.
pub(crate) fn harmless(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::{replay::replay, *};

    #[test]
    fn handshake_lines_that_were_found_hold() {
        replay("handshake_line", handshake_line);
    }

    #[test]
    fn environments_that_were_found_hold() {
        replay("environment", environment);
    }

    #[test]
    fn settings_that_were_found_hold() {
        replay("settings", settings);
    }

    #[cfg(feature = "config-files")]
    #[test]
    fn configuration_files_that_were_found_hold() {
        replay("configuration_file", configuration_file);
    }

    #[test]
    fn reattach_records_that_were_found_hold() {
        replay("reattach_record", reattach_record);
    }
}

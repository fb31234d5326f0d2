//! Configuration files of each format, for tests.

use std::{fs, path::Path};

use rpcplugin::config::Setting;

/// Writes a file with these settings, in the format of its extension: as text in quotes, which is
/// the same in YAML and TOML as in JSON.
///
/// # Panics
///
/// If it cannot be written, and for a setting that stands in no file.
pub fn write(path: &Path, settings: &[(Setting, &str)]) {
    let entries = settings.iter().map(|(setting, value)| {
        let key = setting.key().expect("files hold this setting");
        (key, serde_json::Value::from(*value))
    });
    let between = match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => ": ",
        Some("toml") => " = ",
        _ => {
            let all: serde_json::Map<_, _> = entries.collect();
            return put(path, &serde_json::Value::from(all).to_string());
        }
    };
    let lines = entries.map(|(key, value)| format!("{key}{between}{value}\n"));
    put(path, &lines.collect::<String>());
}

fn put(path: &Path, text: &str) {
    fs::write(path, text).expect("the directory is writable");
}

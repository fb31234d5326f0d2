//! Each setting of the plugin's side has an effect, wherever it is set: in code, in files of each
//! format, in the environment; and the later layer wins.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "plugin_settings/case.rs"]
mod case;
#[path = "plugin_settings/launched.rs"]
mod launched;
#[path = "plugin_settings/listening.rs"]
mod listening;
#[path = "plugin_settings/process.rs"]
mod process;
#[path = "plugin_settings/security.rs"]
mod security;
#[path = "plugin_settings/services.rs"]
mod services;
#[path = "plugin_settings/sources.rs"]
mod sources;
#[path = "plugin_settings/ways.rs"]
mod ways;

use rpcplugin::config::{Reader, Setting};

#[test]
fn each_setting_of_a_plugin_has_a_case() {
    let cases = [listening::all(), process::all(), security::all(), services::all()];
    let mut covered: Vec<_> = cases.iter().flatten().flat_map(case::Case::settings).collect();
    covered.extend(sources::SETTINGS);
    covered.sort();
    covered.dedup();
    let mut wanted: Vec<_> = Setting::ALL.to_vec();
    wanted.retain(|setting| setting.reader() != Reader::Host);
    wanted.sort();
    assert_eq!(covered, wanted);
}

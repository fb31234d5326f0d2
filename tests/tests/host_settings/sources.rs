//! The settings that say where others are.

use std::{fs, time::Duration};

use rpcplugin::config::Setting;
use rpcplugin_tests::{
    host::{evil_plugin, host, refusal},
    leak::leak_free,
    settings_file,
};

/// The settings that these tests are about.
pub(crate) const CASES: [Setting; 2] = [Setting::Files, Setting::Profile];

#[test]
fn files_are_read_in_order_and_come_from_the_environment() {
    leak_free(async |guard| {
        let paths = [("first.toml", "0.9"), ("second.yaml", "0.3")].map(|(name, value)| {
            let path = guard.scratch().join(name);
            settings_file::write(&path, &[(Setting::StartTimeout, value)]);
            path
        });
        let list = std::env::join_paths(paths).unwrap();
        // This host loads its own configuration when it starts.
        let host = host(guard).environment([("PLUGIN_CONFIG_FILE", list)]);
        let error =
            refusal(host.start_timeout(Duration::from_secs(50)), evil_plugin(guard, ["hang"]))
                .await;
        assert!(error.to_string().contains("within 300ms"), "{error}");
    });
}

#[test]
fn profile_overlays_its_file() {
    leak_free(async |guard| {
        let path = guard.scratch().join("profiles.toml");
        let text = "plugin_start_timeout = 50\n[profile.quick]\nplugin_start_timeout = 0.3\n";
        fs::write(&path, text).unwrap();
        let variables =
            [("PLUGIN_CONFIG_FILE", path.as_os_str()), ("PLUGIN_PROFILE", "quick".as_ref())];
        let host = host(guard).environment(variables);
        let error = refusal(host, evil_plugin(guard, ["hang"])).await;
        assert!(error.to_string().contains("within 300ms"), "{error}");
    });
}

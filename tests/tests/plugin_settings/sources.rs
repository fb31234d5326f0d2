//! Settings that say where others are, the cookie, and protection that no layer lowers.

use std::fs;

use rpcplugin::config::Setting;
use rpcplugin_tests::leak::{LeakGuard, leak_free};

use crate::{
    launched::{Outcome, Start, start},
    ways::{WAYS, Way},
};

/// The settings that these tests are about.
pub(crate) const SETTINGS: [Setting; 4] =
    [Setting::Files, Setting::Profile, Setting::MagicCookieKey, Setting::MagicCookieValue];

async fn network(guard: &LeakGuard, variables: &[(&str, &str)]) -> String {
    let launched = Start { guard, given: Vec::new() }.served(variables).await;
    let network = launched.address().network().to_string();
    launched.stop().await;
    network
}

#[test]
fn a_variable_names_files_and_the_profile_in_them() {
    leak_free(async |guard| {
        let path = guard.scratch().join("plugin.toml");
        fs::write(&path, "[profile.tcp]\nplugin_server_transports = \"tcp\"\n").unwrap();
        let path = path.display().to_string();
        let file = ("PLUGIN_CONFIG_FILE", path.as_str());
        assert_eq!(network(guard, &[file]).await, "unix");
        assert_eq!(network(guard, &[file, ("PLUGIN_PROFILE", "tcp")]).await, "tcp");
        let unix = ("PLUGIN_SERVER_TRANSPORTS", "unix");
        assert_eq!(network(guard, &[file, ("PLUGIN_PROFILE", "tcp"), unix]).await, "unix");
        let started = Start { guard, given: Vec::new() };
        let told = started.launch(&[("PLUGIN_PROFILE", "none")]).await.told().await;
        assert_eq!(told, "CONFIG_UNKNOWN_PROFILE");
    });
}

#[test]
fn the_cookie_comes_from_where_the_program_takes_it() {
    leak_free(async |guard| {
        let pairs = vec![
            (Setting::MagicCookieKey, "OTHER_COOKIE".to_owned()),
            (Setting::MagicCookieValue, "5f".to_owned()),
        ];
        for way in WAYS {
            for (name, value, expected) in [
                ("OTHER_COOKIE", "5f", "serves"),
                ("OTHER_COOKIE", "60", "HANDSHAKE_NOT_LAUNCHED"),
                ("PLUGIN_MAGIC_COOKIE", "5f", "HANDSHAKE_NOT_LAUNCHED"),
            ] {
                let started = Start { guard, given: vec![(way, pairs.clone())] };
                let mut command = started.command();
                command.arg("cookie").env("NO_COOKIE", "").env(name, value);
                assert_eq!(start(command).await.told().await, expected, "{way:?}: {name}={value}");
            }
        }
    });
}

#[test]
fn no_layer_lowers_the_protection_that_the_program_chose() {
    leak_free(async |guard| {
        for (setting, strong, weak) in [
            (Setting::TlsMinVersion, "1.3", "1.2"),
            (Setting::ServerRequireTls, "true", "false"),
            (Setting::Reflection, "never", "always"),
            (Setting::ServerUnixSocketMode, "0600", "0660"),
            (Setting::AutoMtls, "true", "false"),
        ] {
            for way in [Way::Yaml, Way::Variable] {
                let given = vec![
                    (Way::Code, vec![(setting, strong.to_owned())]),
                    (way, vec![(setting, weak.to_owned())]),
                ];
                let told = Start { guard, given }.launch(&[]).await.told().await;
                assert_eq!(told, "SECURITY_CONFIG_CONFLICT", "{setting} by {way:?}");
            }
        }
    });
}

#[test]
fn a_variable_that_is_close_to_a_setting_is_warned_of_once() {
    leak_free(async |guard| {
        let started = Start { guard, given: Vec::new() };
        let variables = [("PLUGIN_LOG_LEVELS", "DEBUG"), ("PLUGIN_OF_OURS", "1")];
        let Outcome::Serves(launched) = started.launch(&variables).await else {
            panic!("it is a warning");
        };
        let said = launched.stop().await;
        assert_eq!(said.matches("did you mean PLUGIN_LOG_LEVEL?").count(), 1, "{said}");
        assert!(!said.contains("PLUGIN_OF_OURS"), "{said}");
    });
}

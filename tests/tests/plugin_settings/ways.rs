//! The ways to give a plugin a setting.

use std::path::Path;

use rpcplugin::config::Setting;
use rpcplugin_tests::settings_file;
use tokio::process::Command;

/// Where a value stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Code,
    Yaml,
    Json,
    Toml,
    Variable,
}

pub(crate) const WAYS: [Way; 5] = [Way::Code, Way::Yaml, Way::Json, Way::Toml, Way::Variable];

/// Settings with their values.
pub(crate) type Pairs = Vec<(Setting, String)>;

impl Way {
    /// Makes the plugin of this command go by these settings.
    pub(crate) fn give(self, command: &mut Command, pairs: &Pairs, scratch: &Path) {
        let extension = match self {
            Self::Variable => {
                command.envs(pairs.iter().map(|(setting, value)| (setting.variable(), value)));
                return;
            }
            Self::Code => {
                for (setting, value) in pairs {
                    command.arg("set").arg(setting.key().unwrap()).arg(value);
                }
                return;
            }
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Json => "json",
        };
        let path = scratch.join("settings").with_extension(extension);
        let pairs: Vec<_> =
            pairs.iter().map(|(setting, value)| (*setting, value.as_str())).collect();
        settings_file::write(&path, &pairs);
        command.arg("file").arg(path);
    }
}

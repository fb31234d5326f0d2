//! The ways to give a plugin a setting.

use std::{fs, path::Path};

use rpcplugin::config::Setting;
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
        let text = match self {
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
            Self::Yaml => lines(pairs, ": "),
            Self::Toml => lines(pairs, " = "),
            Self::Json => {
                let all = pairs.iter().map(|(setting, value)| (setting.key().unwrap(), value));
                serde_json::json!(all.collect::<std::collections::BTreeMap<_, _>>()).to_string()
            }
        };
        let path = scratch.join(format!("settings.{self:?}").to_lowercase());
        fs::write(&path, text).unwrap();
        command.arg("file").arg(path);
    }
}

/// Text in quotes is the same in both formats as in JSON.
fn lines(pairs: &Pairs, between: &str) -> String {
    let line = |(setting, value): &(Setting, String)| {
        format!("{}{between}{}\n", setting.key().unwrap(), serde_json::json!(value))
    };
    pairs.iter().map(line).collect()
}

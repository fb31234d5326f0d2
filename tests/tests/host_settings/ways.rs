//! The ways in which a setting gets its value.

use std::{ffi::OsString, fs, path::Path};

use rpcplugin::{Client, client::Builder, config::Setting, core::Config};
use rpcplugin_tests::{
    COOKIE,
    leak::{LeakGuard, leak_free},
};

/// Who sets it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    Program,
    Environment,
    /// A file with this extension.
    File(&'static str),
    /// The environment, while the program says something else.
    EnvironmentOverProgram(&'static str),
}

/// A way for one test, and where it may put files.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Set<'a> {
    pub(crate) way: Way,
    pub(crate) guard: &'a LeakGuard,
    setting: Setting,
}

/// Runs a case once for each way; `other` is another value that the setting may have.
pub(crate) fn in_every_way(
    setting: Setting,
    other: &'static str,
    case: impl AsyncFn(Set<'_>) + Send + Sync,
) {
    let ways = [
        Way::Program,
        Way::Environment,
        Way::File("yaml"),
        Way::File("json"),
        Way::File("toml"),
        Way::EnvironmentOverProgram(other),
    ];
    leak_free(async |guard| {
        for way in ways {
            case(Set { way, guard, setting }).await;
        }
    });
}

impl Set<'_> {
    /// A host with this value of the setting.
    pub(crate) fn host(&self, value: &str) -> Builder {
        self.host_with(value, &[])
    }

    /// The same with other settings beside it, set in the same way.
    pub(crate) fn host_with(&self, value: &str, others: &[(Setting, &str)]) -> Builder {
        let config = self.config(value, others);
        Client::builder(COOKIE).config(config)
    }

    /// What the layers come to.
    pub(crate) fn config(&self, value: &str, others: &[(Setting, &str)]) -> Config {
        self.try_config(value, others).unwrap()
    }

    pub(crate) fn try_config(
        &self,
        value: &str,
        others: &[(Setting, &str)],
    ) -> Result<Config, rpcplugin::Error> {
        let mut all = vec![(self.setting, value)];
        all.extend(others);
        let base = self.guard.base().to_str().unwrap();
        let mut builder = Config::builder().set(key(Setting::HostUnixSocketDir), base);
        match self.way {
            Way::Program => {
                for (setting, value) in all {
                    builder = builder.set(key(setting), value);
                }
            }
            Way::Environment => builder = builder.environment(variables(&all)),
            Way::File(extension) => {
                let path = self.guard.scratch().join(format!("host.{extension}"));
                write(&path, &all);
                builder = builder.environment([("PLUGIN_CONFIG_FILE", path)]);
            }
            Way::EnvironmentOverProgram(other) => {
                builder = builder.set(key(self.setting), other).environment(variables(&all));
            }
        }
        builder.build()
    }
}

pub(crate) fn key(setting: Setting) -> String {
    setting.key().unwrap()
}

fn variables(all: &[(Setting, &str)]) -> Vec<(OsString, OsString)> {
    all.iter().map(|(setting, value)| (setting.variable().into(), (*value).into())).collect()
}

/// Writes settings as text, which every format knows.
fn write(path: &Path, all: &[(Setting, &str)]) {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let lines = |separator: &str| {
        let lines =
            all.iter().map(|(one, value)| format!("{}{separator}{}", key(*one), quoted(value)));
        lines.collect::<Vec<_>>()
    };
    let text = match path.extension().unwrap().to_str().unwrap() {
        "yaml" => lines(": ").join("\n"),
        "toml" => lines(" = ").join("\n"),
        _ => {
            let entries = all.iter().map(|(one, value)| (key(*one), (*value).into()));
            serde_json::Value::Object(entries.collect()).to_string()
        }
    };
    fs::write(path, text + "\n").unwrap();
}

//! The ways in which a setting gets its value.

use std::{ffi::OsString, path::PathBuf};

use rpcplugin::{
    Client,
    client::Builder,
    config::{ConfigBuilder, Setting},
    core::Config,
};
use rpcplugin_tests::{
    COOKIE,
    leak::{LeakGuard, leak_free},
    settings_file,
};

/// Makes a test of each case, and the list of their settings.
macro_rules! cases {
    ($($name:ident: $setting:ident, $other:expr, $case:expr;)*) => {
        $(#[test]
        fn $name() {
            $crate::ways::in_every_way(Setting::$setting, $other, $case);
        })*

        /// Those that have a case here.
        pub(crate) const CASES: &[Setting] = &[$(Setting::$setting),*];
    };
}
pub(crate) use cases;

/// Who sets it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    Program,
    Environment,
    /// A file with this extension.
    File(&'static str),
    /// The environment, while the program says something else.
    EnvironmentOverProgram(&'static str),
    /// The environment, while a file says something else.
    EnvironmentOverFile(&'static str),
    /// A file, while the program says something else.
    FileOverProgram(&'static str),
}

impl Way {
    /// Whether another layer lies below and says something else.
    pub(crate) const fn is_over(self) -> bool {
        !matches!(self, Self::Program | Self::Environment | Self::File(_))
    }
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
        Way::EnvironmentOverFile(other),
        Way::FileOverProgram(other),
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
        let builder = Config::builder().set(key(Setting::HostUnixSocketDir), base);
        let other = |other| [(self.setting, other)];
        match self.way {
            Way::Program => set(builder, &all),
            Way::Environment => builder.environment(variables(&all)),
            Way::File(extension) => builder.file(self.file(extension, &all)),
            Way::EnvironmentOverProgram(value) => {
                set(builder, &other(value)).environment(variables(&all))
            }
            Way::EnvironmentOverFile(value) => {
                builder.file(self.file("toml", &other(value))).environment(variables(&all))
            }
            Way::FileOverProgram(value) => {
                set(builder, &other(value)).file(self.file("yaml", &all))
            }
        }
        .build()
    }

    fn file(&self, extension: &str, settings: &[(Setting, &str)]) -> PathBuf {
        let path = self.guard.scratch().join("host").with_extension(extension);
        settings_file::write(&path, settings);
        path
    }
}

fn set(builder: ConfigBuilder, settings: &[(Setting, &str)]) -> ConfigBuilder {
    settings.iter().fold(builder, |builder, (setting, value)| builder.set(key(*setting), *value))
}

fn key(setting: Setting) -> String {
    setting.key().unwrap()
}

fn variables(all: &[(Setting, &str)]) -> Vec<(OsString, OsString)> {
    all.iter().map(|(setting, value)| (setting.variable().into(), (*value).into())).collect()
}

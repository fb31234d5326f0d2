//! The settings that may change while a plugin runs.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use rpcplugin_core::{
    Config, ConfigError, Error,
    config::{LogLevel, Reader, Setting, Values},
};
use tracing::Level;

/// The configuration of one plugin, as it holds now.
///
/// The lock is held for a copy or a look, never across anything else.
#[derive(Debug)]
pub(crate) struct Live {
    config: RwLock<Config>,
    /// The layer of the program, which a new configuration gets too.
    program: Values,
}

impl Live {
    pub(crate) const fn new(config: Config, program: Values) -> Self {
        Self { config: RwLock::new(config), program }
    }

    pub(crate) fn config(&self) -> Config {
        self.read(Config::clone)
    }

    pub(crate) fn request_timeout(&self) -> Option<Duration> {
        self.read(Config::client_request_timeout)
    }

    pub(crate) fn grace(&self) -> Duration {
        self.read(Config::grpc_grace_period)
    }

    pub(crate) fn terminate(&self) -> Duration {
        self.read(Config::terminate_timeout)
    }

    /// Whether lines of this level are passed on.
    pub(crate) fn passes(&self, level: Level) -> bool {
        let lowest = match self.read(Config::log_level) {
            LogLevel::Trace => Level::TRACE,
            LogLevel::Debug => Level::DEBUG,
            LogLevel::Warn => Level::WARN,
            LogLevel::Error => Level::ERROR,
            LogLevel::Off => return false,
            _ => Level::INFO,
        };
        level <= lowest
    }

    /// Takes over what may change.
    ///
    /// # Errors
    ///
    /// `CONFIG_NOT_RELOADABLE` with every other setting that differs, and as
    /// [`Config::with_program`]. Then nothing has changed.
    pub(crate) fn reload(&self, config: &Config) -> Result<(), Error> {
        let config = config.with_program(self.program.clone())?;
        let mut present = self.config.write().unwrap_or_else(PoisonError::into_inner);
        let ours = present.differences(&config).filter(|one| one.reader() != Reader::Plugin);
        let settings: Vec<_> = ours.filter(|one| !is_reloadable(*one)).collect();
        if !settings.is_empty() {
            return Err(ConfigError::NotReloadable { settings }.into());
        }
        *present = config;
        Ok(())
    }

    fn read<T>(&self, look: impl FnOnce(&Config) -> T) -> T {
        look(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a host takes a change over. Certificates and their directory are read once, by the
/// start: a running plugin's connection was made with them.
const fn is_reloadable(setting: Setting) -> bool {
    let certificates = setting.is_certificate() || matches!(setting, Setting::CertRotationDays);
    setting.is_reloadable() && !certificates
}

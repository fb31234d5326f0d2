//! The settings that may change while a server runs.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rpcplugin_core::{
    ConfigError, Error, TransportError,
    config::{Reader, Setting},
    limits,
};

use crate::{security::LiveProtection, serve::set_level, settings::Settings};

/// What holds now; nothing before the start.
///
/// The lock is held for a look or a change, never across anything that waits.
#[derive(Debug, Default)]
pub(crate) struct Live(Mutex<Option<Present>>);

#[derive(Debug)]
struct Present {
    settings: Settings,
    protection: LiveProtection,
}

impl Live {
    pub(crate) fn begin(&self, settings: Settings, protection: LiveProtection) {
        *self.lock() = Some(Present { settings, protection });
    }

    /// Time for calls in progress and for the exit.
    pub(crate) fn grace(&self) -> Duration {
        let present = self.lock();
        present.as_ref().map_or(limits::GRACE, |one| one.settings.config.grpc_grace_period())
    }

    /// Takes over what may change.
    ///
    /// # Errors
    ///
    /// `CONFIG_NOT_RELOADABLE` with every other setting that differs; `TRANSPORT_SHUT_DOWN` if
    /// nothing is served; whatever is wrong with certificates. Then nothing has changed.
    pub(crate) fn reload(&self, config: &rpcplugin_core::Config) -> Result<(), Error> {
        let mut present = self.lock();
        let Some(Present { settings, protection }) = present.as_mut() else {
            return Err(TransportError::ShutDown.into());
        };
        let config = config.with_program(settings.values.clone())?;
        let differs = |setting: Setting| settings.config.value(setting) != config.value(setting);
        let ours = Setting::ALL.iter().copied().filter(|one| one.reader() != Reader::Host);
        // Where the values came from is no difference.
        let ours = ours.filter(|one| !matches!(one, Setting::Files | Setting::Profile));
        let refused: Vec<_> =
            ours.filter(|one| differs(*one) && !protection.may_reload(*one)).collect();
        if !refused.is_empty() {
            return Err(ConfigError::NotReloadable { settings: refused }.into());
        }
        let next = Settings { config, ..settings.clone() };
        protection.reload(&next)?;
        set_level(next.config.log_level());
        *settings = next;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Present>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

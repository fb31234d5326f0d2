//! The settings that may change while a server runs.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rpcplugin_core::{ConfigError, Error, TransportError, config::Reader, limits};

use crate::{security::LiveProtection, serve::set_level, settings::Settings};

/// What holds now; nothing before the start.
///
/// `present` is locked for a look or a change, never while files are read.
#[derive(Debug, Default)]
pub(crate) struct Live {
    present: Mutex<Option<Present>>,
    /// Held by the one change at a time, which no call and no stop waits for.
    changing: Mutex<()>,
}

#[derive(Clone, Debug)]
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
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Present { settings, protection }) = self.lock().clone() else {
            return Err(TransportError::ShutDown.into());
        };
        let config = config.with_program(settings.values.clone())?;
        let ours = settings.config.differences(&config);
        let ours = ours.filter(|one| one.reader() != Reader::Host);
        let refused: Vec<_> = ours.filter(|one| !protection.may_reload(*one)).collect();
        if !refused.is_empty() {
            return Err(ConfigError::NotReloadable { settings: refused }.into());
        }
        let next = Settings { config, ..settings };
        protection.reload(&next)?;
        set_level(next.config.log_level());
        self.begin(next, protection);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Present>> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::BoxFuture;
use rpcplugin_broker::Protection;
use rpcplugin_core::{Error, config::Setting};
use rpcplugin_transport::{BoxIo, serving::Gate};

use crate::settings::Settings;

/// A protection that new connections get, and that may change while old ones live on. Clones
/// change together.
#[derive(Clone, Debug)]
pub(crate) struct LiveProtection {
    present: Arc<RwLock<Protection>>,
    /// Whether it came from settings, which may change.
    of_settings: bool,
}

impl LiveProtection {
    /// For the life of the server.
    pub(crate) fn fixed(protection: Protection) -> Self {
        Self { present: Arc::new(RwLock::new(protection)), of_settings: false }
    }

    /// With the certificates that settings name.
    #[cfg(feature = "tls")]
    pub(crate) fn of_settings(protection: Protection) -> Self {
        Self { of_settings: true, ..Self::fixed(protection) }
    }

    pub(crate) fn present(&self) -> Protection {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a running server takes a change of this setting over.
    pub(crate) fn may_reload(&self, setting: Setting) -> bool {
        let is_certificate = matches!(
            setting,
            Setting::ServerCert
                | Setting::ServerKey
                | Setting::ClientRootCerts
                | Setting::CaCert
                | Setting::MtlsCertDir
                | Setting::CertRotationDays
        );
        setting.is_reloadable() && (self.of_settings || !is_certificate)
    }

    /// Reads the certificates of the settings again. They are taken over whole or not at all.
    ///
    /// # Errors
    ///
    /// As for the start.
    pub(crate) fn reload(&self, settings: &Settings) -> Result<(), Error> {
        #[cfg(feature = "tls")]
        if self.of_settings
            && let Some(custom) = super::custom::choose(settings)?
        {
            let next = super::custom::protection(&custom, settings)?;
            *self.present.write().unwrap_or_else(PoisonError::into_inner) = next;
        }
        let _ = settings;
        Ok(())
    }
}

/// As it is when the connection comes.
impl Gate for LiveProtection {
    fn admit(&self, io: BoxIo) -> BoxFuture<'_, Result<BoxIo, String>> {
        let present = self.present();
        Box::pin(async move { present.admit(io).await })
    }
}

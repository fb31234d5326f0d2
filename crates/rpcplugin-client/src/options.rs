//! What a builder collects beside the settings of `rpcplugin_core::config`: the choices that no
//! file and no variable can make.

use rpcplugin_core::ConfigError;

use crate::{
    AddressException, ClientAuthentication, Runner, Stdin, Tls, integrity::Integrity,
    isolation::Confinement, stdio::Sink,
};

/// Choices that only a program makes. Each has a default.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// `None`: what the settings say.
    pub(crate) tls: Option<Tls>,
    pub(crate) client_authentication: ClientAuthentication,
    #[cfg(feature = "tls")]
    pub(crate) provider: rpcplugin_tls::Provider,
    #[cfg(feature = "tls")]
    pub(crate) host_identity: Option<rpcplugin_tls::Identity>,
    /// Those that a manifest says its plugin has.
    pub(crate) manifest_versions: Option<Vec<u32>>,
    /// Those of its limits that are settings are filled in when the settings are resolved.
    pub(crate) confinement: Confinement,
    pub(crate) integrity: Integrity,
    pub(crate) keep_tmpdir: bool,
    pub(crate) address_exceptions: Vec<AddressException>,
    pub(crate) lenient_banner: bool,
    pub(crate) stdin: Stdin,
    pub(crate) detach: bool,
    pub(crate) stdout: Option<Sink>,
    pub(crate) stderr: Option<Sink>,
    pub(crate) raw_stderr: Option<Sink>,
    #[cfg(feature = "dynamic")]
    pub(crate) descriptors: crate::dynamic::Given,
    pub(crate) runner: Option<std::sync::Arc<dyn Runner>>,
}

impl Options {
    /// Checks what no other type checks by itself.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` with the option's name; `CONFIG_CONFLICT`.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.confinement.check()?;
        // By the time it is known how the runner starts the program, it runs.
        let checks = self.integrity.digests.is_some() || self.integrity.trusted_paths_only;
        if self.runner.is_some() && checks {
            return Err(ConfigError::Conflict {
                first: "a runner",
                second: "checks of the program's file",
                reason: "what a runner starts cannot be checked before it runs",
            });
        }
        for exception in &self.address_exceptions {
            if let AddressException::Directory(path) = exception
                && !path.is_absolute()
            {
                return Err(ConfigError::Invalid {
                    setting: "allow_address_outside",
                    value: format!("{path:?}"),
                    expected: "an absolute directory",
                });
            }
        }
        Ok(())
    }
}

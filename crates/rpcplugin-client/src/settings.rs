//! What a start goes by: the settings, resolved, and what no setting says.

use std::{ffi::OsString, sync::Arc};

use rpcplugin_core::{
    Config, ConfigError, Error, HandshakeError, Network, VersionSet,
    config::{Setting, Source, Values},
    env::PortRange,
};

use crate::{Builder, Limits, Tls, live::Live, options::Options};

mod protection;

/// Settings that fit together. Nothing has happened yet, save that a certificate was issued where
/// `PLUGIN_MTLS_CERT_DIR` lacked one that lasts.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) config: Config,
    /// The settings that may change while the plugin runs.
    pub(crate) live: Arc<Live>,
    pub(crate) versions: VersionSet,
    pub(crate) ports: PortRange,
    pub(crate) tls: Tls,
    #[cfg(feature = "tls")]
    pub(crate) cert_key_type: rpcplugin_tls::KeyType,
    /// The descriptors that the builder was given.
    #[cfg(feature = "dynamic")]
    pub(crate) schema: Option<Arc<crate::dynamic::Schema>>,
    pub(crate) options: Options,
}

impl Builder {
    /// What the layers make of this builder's values.
    ///
    /// # Errors
    ///
    /// As [`ConfigBuilder::build`](rpcplugin_core::config::ConfigBuilder::build).
    pub(crate) fn resolve(&self) -> Result<Config, Error> {
        let values = self.program_values();
        match (&self.config, &self.environment) {
            (Some(config), _) => config.with_program(values),
            (None, Some(variables)) => {
                Config::builder().program(values).environment(variables.iter().cloned()).build()
            }
            (None, None) => {
                Config::builder().program(values).environment(std::env::vars_os()).build()
            }
        }
    }

    /// The layer of the program: this builder's values, and what its choice of protection says.
    fn program_values(&self) -> Values {
        protection::chosen(self.values.clone(), self.options.tls.as_ref())
    }

    /// Resolves everything, and checks what can be checked without touching the system. Gives the
    /// environment back, read once.
    ///
    /// # Errors
    ///
    /// `CONFIG_…` for a setting that cannot work; `SECURITY_CONFIG_CONFLICT`,
    /// `SECURITY_TLS_REQUIRED`, `SECURITY_TLS_NOT_BUILT`; `HANDSHAKE_VERSION_MISMATCH` if a
    /// manifest leaves no version.
    pub(crate) fn into_settings(mut self) -> Result<(Settings, Vec<(OsString, OsString)>), Error> {
        let host_vars = self.environment.take();
        let host_vars = host_vars.unwrap_or_else(|| std::env::vars_os().collect());
        self.environment = Some(host_vars);
        let config = self.resolve()?;
        for warning in config.warnings() {
            tracing::warn!("{warning}");
        }
        let values = self.program_values();
        let Self { mut options, environment, .. } = self;
        options.confinement.limits = limits(&config, options.confinement.limits);
        options.check()?;
        let settings = Settings {
            versions: versions(&config, options.manifest_versions.as_deref())?,
            ports: PortRange::new(config.host_min_port()..=config.host_max_port())?,
            #[cfg(feature = "tls")]
            cert_key_type: protection::key_type(&config, &options.provider)?,
            // The last one: it may issue a certificate.
            tls: protection::effective(&config, options.tls.as_ref())?,
            live: Arc::new(Live::new(config.clone(), values)),
            #[cfg(feature = "dynamic")]
            schema: options.descriptors.read()?,
            config,
            options,
        };
        settings.check()?;
        Ok((settings, environment.unwrap_or_default()))
    }
}

impl Settings {
    /// What no setting can say alone.
    ///
    /// # Errors
    ///
    /// `CONFIG_CONFLICT`.
    fn check(&self) -> Result<(), ConfigError> {
        if self.config.host_multiplex_grpc() && self.options.detach {
            return Err(ConfigError::Conflict {
                first: "host_multiplex_grpc",
                second: "detach",
                reason: "a multiplexed connection is made once, so no other host could take over",
            });
        }
        let chosen = self.config.entry(Setting::ClientTransports).source != Source::Default;
        if self.options.confinement.no_network
            && chosen
            && self.config.client_transports().contains(&Network::Tcp)
        {
            return Err(ConfigError::Conflict {
                first: "no_network",
                second: "transports with tcp",
                reason: "a plugin without a network cannot listen on TCP",
            });
        }
        Ok(())
    }

    /// The networks that the plugin may listen on.
    pub(crate) fn networks(&self) -> Vec<Network> {
        let mut networks = self.config.client_transports().to_vec();
        let all = !self.options.confinement.no_network;
        networks.retain(|network| all || *network == Network::Unix);
        networks
    }
}

/// The versions to offer. A manifest narrows them, and never adds one: host code knows only its
/// own.
///
/// # Errors
///
/// `CONFIG_PROTOCOL_VERSIONS`; `HANDSHAKE_VERSION_MISMATCH` if none is left.
pub(crate) fn versions(config: &Config, manifest: Option<&[u32]>) -> Result<VersionSet, Error> {
    let host = config.host_protocol_versions();
    let Some(plugin) = manifest else { return Ok(VersionSet::new(host.iter().copied())?) };
    let mut common = host.iter().copied().filter(|known| plugin.contains(known)).peekable();
    if common.peek().is_none() {
        let (plugin, host) = (format!("{plugin:?}"), host.to_vec());
        return Err(HandshakeError::VersionMismatch { plugin, host }.into());
    }
    Ok(VersionSet::new(common)?)
}

/// The limits that are settings, beside those of `own` that are not.
fn limits(config: &Config, own: Limits) -> Limits {
    Limits {
        memory: config.limit_memory(),
        cpu_time: config.limit_cpu_time(),
        open_files: config.limit_open_files(),
        processes: config.limit_processes(),
        file_size: config.limit_file_size(),
        address_space: own.address_space,
    }
}

#[cfg(test)]
mod tests;

//! The values that a builder collects, and what may stand in them.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use rpcplugin_broker::BrokerOptions;
use rpcplugin_core::{ConfigError, Network, limits};

use crate::stdio::Sink;
use crate::{
    AddressException, ClientAuthentication, Stdin, Tls, environment::EnvironmentPolicy,
    integrity::Integrity, isolation::Confinement,
};

/// Everything that has a default.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) versions: Vec<u32>,
    pub(crate) tls: Tls,
    pub(crate) client_authentication: ClientAuthentication,
    #[cfg(feature = "tls")]
    pub(crate) cert_key_type: rpcplugin_tls::KeyType,
    #[cfg(feature = "tls")]
    pub(crate) provider: rpcplugin_tls::Provider,
    #[cfg(feature = "tls")]
    pub(crate) host_identity: Option<rpcplugin_tls::Identity>,
    /// `None`: those that the rest leaves, in the order that the system prefers.
    pub(crate) transports: Option<Vec<Network>>,
    pub(crate) ports: RangeInclusive<u16>,
    pub(crate) start_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) connection_timeout: Duration,
    pub(crate) channel_ready_timeout: Duration,
    pub(crate) request_timeout: Option<Duration>,
    pub(crate) grpc_grace_period: Duration,
    pub(crate) terminate_timeout: Duration,
    pub(crate) grpc_max_receive_message_size: usize,
    pub(crate) grpc_max_send_message_size: usize,
    pub(crate) grpc_keepalive_time: Duration,
    pub(crate) grpc_keepalive_timeout: Duration,
    pub(crate) health_check_timeout: Duration,
    pub(crate) stderr_tail_lines: usize,
    pub(crate) stdio_buffer_bytes: usize,
    pub(crate) environment: EnvironmentPolicy,
    pub(crate) confinement: Confinement,
    pub(crate) integrity: Integrity,
    pub(crate) unix_socket_dir: Option<PathBuf>,
    pub(crate) unix_socket_group: Option<String>,
    pub(crate) keep_tmpdir: bool,
    pub(crate) address_exceptions: Vec<AddressException>,
    pub(crate) lenient_banner: bool,
    pub(crate) stdin: Stdin,
    pub(crate) detach: bool,
    pub(crate) multiplex_grpc: bool,
    pub(crate) stdout: Option<Sink>,
    pub(crate) stderr: Option<Sink>,
    pub(crate) raw_stderr: Option<Sink>,
    pub(crate) runner: Option<std::sync::Arc<dyn crate::Runner>>,
    pub(crate) broker: BrokerOptions,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            versions: vec![1],
            tls: Tls::default(),
            client_authentication: ClientAuthentication::default(),
            #[cfg(feature = "tls")]
            cert_key_type: rpcplugin_tls::KeyType::default(),
            #[cfg(feature = "tls")]
            provider: rpcplugin_tls::Provider::default(),
            #[cfg(feature = "tls")]
            host_identity: None,
            transports: None,
            ports: 10_000..=25_000,
            start_timeout: limits::START_TIMEOUT,
            handshake_timeout: limits::HANDSHAKE_TIMEOUT,
            connection_timeout: limits::CONNECTION_TIMEOUT,
            channel_ready_timeout: limits::CHANNEL_READY_TIMEOUT,
            request_timeout: None,
            grpc_grace_period: limits::GRACE,
            terminate_timeout: limits::TERMINATE_TIMEOUT,
            grpc_max_receive_message_size: limits::MESSAGE,
            grpc_max_send_message_size: limits::MESSAGE,
            grpc_keepalive_time: limits::KEEPALIVE,
            grpc_keepalive_timeout: limits::KEEPALIVE_TIMEOUT,
            health_check_timeout: limits::PING_TIMEOUT,
            stderr_tail_lines: limits::STDERR_TAIL_LINES,
            stdio_buffer_bytes: limits::STDIO_BUFFER,
            environment: EnvironmentPolicy { inherit: false, allow: Vec::new() },
            confinement: Confinement::default(),
            integrity: Integrity::default(),
            unix_socket_dir: None,
            unix_socket_group: None,
            keep_tmpdir: false,
            address_exceptions: Vec::new(),
            lenient_banner: false,
            stdin: Stdin::default(),
            detach: false,
            multiplex_grpc: false,
            stdout: None,
            stderr: None,
            raw_stderr: None,
            runner: None,
            broker: BrokerOptions::new(),
        }
    }
}

impl Settings {
    /// Checks what no other type checks by itself.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` with the setting's name; `CONFIG_NOT_BUILT` for a key that no provider of
    /// this build makes.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let seconds = Duration::from_secs;
        let millis = Duration::from_millis;
        let zero = Duration::ZERO;
        for (setting, value, range, expected) in [
            ("start_timeout", self.start_timeout, millis(100)..=seconds(3600), "0.1 s to 3600 s"),
            (
                "handshake_timeout",
                self.handshake_timeout,
                millis(100)..=seconds(3600),
                "0.1 s to 3600 s",
            ),
            (
                "connection_timeout",
                self.connection_timeout,
                millis(100)..=seconds(3600),
                "0.1 s to 3600 s",
            ),
            (
                "channel_ready_timeout",
                self.channel_ready_timeout,
                millis(100)..=seconds(300),
                "0.1 s to 300 s",
            ),
            ("grpc_grace_period", self.grpc_grace_period, zero..=seconds(3600), "0 s to 3600 s"),
            ("terminate_timeout", self.terminate_timeout, zero..=seconds(60), "0 s to 60 s"),
            (
                "grpc_keepalive_timeout",
                self.grpc_keepalive_timeout,
                millis(100)..=seconds(600),
                "0.1 s to 600 s",
            ),
            (
                "health_check_timeout",
                self.health_check_timeout,
                millis(10)..=seconds(300),
                "0.01 s to 300 s",
            ),
        ] {
            check(setting, &value, range.contains(&value), expected)?;
        }
        let keepalive = self.grpc_keepalive_time;
        check(
            "grpc_keepalive_time",
            &keepalive,
            keepalive == zero || (seconds(1)..=seconds(3600)).contains(&keepalive),
            "0 (off), or 1 s to 3600 s",
        )?;
        if let Some(limit) = self.request_timeout {
            let range = millis(1)..=seconds(86_400);
            check("request_timeout", &limit, range.contains(&limit), "0.001 s to 86400 s")?;
        }
        for (setting, value) in [
            ("grpc_max_receive_message_size", self.grpc_max_receive_message_size),
            ("grpc_max_send_message_size", self.grpc_max_send_message_size),
        ] {
            let range = 1024..=i32::MAX as usize;
            check(setting, &value, range.contains(&value), "1024 to 2147483647 bytes")?;
        }
        check(
            "stdio_buffer_bytes",
            &self.stdio_buffer_bytes,
            (4096..=1 << 30).contains(&self.stdio_buffer_bytes),
            "4096 to 1073741824 bytes",
        )?;
        check(
            "stderr_tail_lines",
            &self.stderr_tail_lines,
            self.stderr_tail_lines <= 10_000,
            "0 to 10000 lines",
        )?;
        self.broker.check()?;
        if self.multiplex_grpc && self.detach {
            return Err(ConfigError::Conflict {
                first: "host_multiplex_grpc",
                second: "detach",
                reason: "a multiplexed connection is made once, so no other host could take over",
            });
        }
        #[cfg(feature = "tls")]
        self.provider.check(self.cert_key_type)?;
        self.confinement.check()?;
        self.check_names()
    }

    /// The networks that the plugin may listen on.
    pub(crate) fn networks(&self) -> Vec<Network> {
        let mut networks = match &self.transports {
            Some(chosen) => chosen.clone(),
            None => Network::preferred().to_vec(),
        };
        networks.retain(|network| !self.confinement.no_network || *network == Network::Unix);
        networks
    }

    fn check_names(&self) -> Result<(), ConfigError> {
        // By the time it is known how the runner starts the program, it runs.
        let checks = self.integrity.digests.is_some() || self.integrity.trusted_paths_only;
        if self.runner.is_some() && checks {
            return Err(ConfigError::Conflict {
                first: "a runner",
                second: "checks of the program's file",
                reason: "what a runner starts cannot be checked before it runs",
            });
        }
        if let Some(chosen) = &self.transports {
            let repeated = |n: usize| chosen[..n].contains(&chosen[n]);
            check(
                "transports",
                chosen,
                !chosen.is_empty() && !(0..chosen.len()).any(repeated),
                "unix, tcp or both, each once",
            )?;
            if self.confinement.no_network && chosen.contains(&Network::Tcp) {
                return Err(ConfigError::Conflict {
                    first: "no_network",
                    second: "transports with tcp",
                    reason: "a plugin without a network cannot listen on TCP",
                });
            }
        }
        for exception in &self.address_exceptions {
            if let AddressException::Directory(path) = exception {
                check("allow_address_outside", path, path.is_absolute(), "an absolute directory")?;
            }
        }
        Ok(())
    }
}

fn check(
    setting: &'static str,
    value: &impl std::fmt::Debug,
    fits: bool,
    expected: &'static str,
) -> Result<(), ConfigError> {
    if fits {
        return Ok(());
    }
    Err(ConfigError::Invalid { setting, value: format!("{value:?}"), expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Settings), message: &str) {
        let mut settings = Settings::default();
        change(&mut settings);
        let error = settings.check().unwrap_err();
        assert_eq!(error.code(), "CONFIG_INVALID");
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn the_defaults_are_valid() {
        Settings::default().check().unwrap();
    }

    #[test]
    fn values_outside_their_range_are_refused_by_name() {
        refused(
            |s| s.start_timeout = Duration::ZERO,
            r#"start_timeout cannot be "0ns": expected 0.1 s to 3600 s"#,
        );
        refused(
            |s| s.grpc_keepalive_time = Duration::from_millis(10),
            r#"grpc_keepalive_time cannot be "10ms": expected 0 (off), or 1 s to 3600 s"#,
        );
        refused(
            |s| s.grpc_max_send_message_size = 7,
            r#"grpc_max_send_message_size cannot be "7": expected 1024 to 2147483647 bytes"#,
        );
        refused(
            |s| s.transports = Some(Vec::new()),
            r#"transports cannot be "[]": expected unix, tcp or both, each once"#,
        );
        refused(
            |s| s.transports = Some(vec![Network::Tcp, Network::Tcp]),
            r#"transports cannot be "[Tcp, Tcp]": expected unix, tcp or both, each once"#,
        );
    }

    #[test]
    fn a_plugin_without_a_network_is_offered_unix_sockets_only() {
        let mut settings = Settings::default();
        settings.confinement.no_network = true;
        settings.check().unwrap();
        assert_eq!(settings.networks(), [Network::Unix]);
        settings.transports = Some(vec![Network::Unix, Network::Tcp]);
        assert_eq!(settings.check().unwrap_err().code(), "CONFIG_CONFLICT");
    }

    #[test]
    fn a_liveness_probe_can_be_turned_off() {
        let settings = Settings { grpc_keepalive_time: Duration::ZERO, ..Settings::default() };
        settings.check().unwrap();
    }
}

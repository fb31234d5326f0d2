//! Which listener a plugin opens: the host's first choice that the plugin allows and can bind.

use std::net::IpAddr;

use rpcplugin_core::{
    Address, Error, LaunchEnv, Network, SecurityError, TransportError, env::PortRange,
};
use rpcplugin_transport::{Listener, TcpBind, TcpListener};

use crate::{settings::Settings, side::SideSockets};

mod announce;
#[cfg(unix)]
#[path = "bind/unix.rs"]
mod unix;
#[cfg(not(unix))]
#[path = "bind/other.rs"]
mod unix;

pub(crate) use self::announce::announced;

/// A plugin's listener, and where those of its side channels are to be.
pub(crate) struct Bound {
    pub(crate) listener: Box<dyn Listener>,
    pub(crate) sides: SideSockets,
}

/// Opens the listener of one start.
///
/// # Errors
///
/// `TRANSPORT_BIND_FAILED` with each attempt, a `CONFIG_…` error at once, because another network
/// would not be what the host asked for, `TRANSPORT_RESOURCES`, and `SECURITY_TLS_REQUIRED` for an
/// address off loopback without TLS.
pub(crate) fn bind(launch: &LaunchEnv, settings: &Settings, tls: bool) -> Result<Bound, Error> {
    let mut attempts = Vec::new();
    for network in order(launch, settings) {
        let bound = match network {
            Network::Unix => unix::bind(launch, settings),
            _ => bind_tcp(launch, settings, tls),
        };
        match bound {
            Ok(bound) => return Ok(bound),
            Err(Error::Transport {
                source: TransportError::BindFailed { attempts: own }, ..
            }) => {
                tracing::warn!(%network, attempts = own.join("; "), "could not listen");
                attempts.extend(own);
            }
            Err(other) => return Err(other),
        }
    }
    Err(TransportError::BindFailed { attempts }.into())
}

/// Where side channels are to be if the listener is the caller's.
pub(crate) fn beside_a_given(
    listener: &dyn Listener,
    launch: &LaunchEnv,
    settings: &Settings,
) -> SideSockets {
    match listener.address() {
        Address::Tcp(_) => SideSockets::Tcp(PortRange::System),
        _ => unix::apart(launch, settings),
    }
}

/// The number of the group that the host opens its sockets to, if it named one.
///
/// # Errors
///
/// `CONFIG_SOCKET_GROUP`, `TRANSPORT_RESOURCES`.
pub(crate) fn socket_group(launch: &LaunchEnv) -> Result<Option<u32>, Error> {
    #[cfg(unix)]
    {
        let name = launch.socket_group.as_ref();
        name.map(|name| rpcplugin_transport::socket_group(&name.to_string_lossy())).transpose()
    }
    #[cfg(not(unix))]
    {
        let _ = launch;
        Ok(None)
    }
}

/// `::ffff:127.0.0.1` is loopback too, and not to [`IpAddr::is_loopback`].
fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The networks to try, in order.
fn order(launch: &LaunchEnv, settings: &Settings) -> Vec<Network> {
    let ours = settings.config.server_transports();
    let Some(hosts) = launch.transports.as_ref().filter(|_| !settings.options.exactly) else {
        return ours.to_vec();
    };
    let common: Vec<_> = hosts.iter().copied().filter(|network| ours.contains(network)).collect();
    if common.is_empty() {
        // The host refuses the answer with an error that shows both lists.
        tracing::warn!(?hosts, ?ours, "host and plugin have no network in common");
        return ours.to_vec();
    }
    common
}

fn bind_tcp(launch: &LaunchEnv, settings: &Settings, tls: bool) -> Result<Bound, Error> {
    let ip = settings.config.server_host();
    if !is_loopback(ip) && !tls {
        return Err(SecurityError::TlsRequired.into());
    }
    let hosts = if settings.options.exactly {
        PortRange::System
    } else {
        PortRange::parse(launch.ports.0.as_deref(), launch.ports.1.as_deref())?
    };
    let ports = match settings.config.server_port() {
        0 => hosts.clone(),
        port => PortRange::Within(port..=port),
    };
    Ok(Bound { listener: tcp(ip, ports)?, sides: SideSockets::Tcp(hosts) })
}

fn tcp(ip: IpAddr, ports: PortRange) -> Result<Box<dyn Listener>, Error> {
    Ok(Box::new(TcpListener::bind(&TcpBind::new(ip, ports))?))
}

#[cfg(test)]
mod tests {
    use rpcplugin_core::config::Values;

    use super::*;

    fn launch(variables: &'static [(&str, &str)]) -> LaunchEnv {
        LaunchEnv::read(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).into())
        })
    }

    fn only(network: Network) -> Settings {
        Settings::of(Values::new().server_transports(vec![network]))
    }

    #[test]
    fn the_hosts_order_counts_within_what_the_plugin_allows() {
        let both = launch(&[("RPCPLUGIN_TRANSPORTS", "tcp,unix")]);
        let defaults = Settings::of(Values::new());
        #[cfg(unix)]
        assert_eq!(order(&both, &defaults), [Network::Tcp, Network::Unix]);
        assert_eq!(order(&both, &only(Network::Tcp)), [Network::Tcp]);
        assert_eq!(order(&launch(&[]), &defaults), Network::preferred());
        let unix = launch(&[("RPCPLUGIN_TRANSPORTS", "unix")]);
        assert_eq!(order(&unix, &only(Network::Tcp)), [Network::Tcp], "the host refuses it");
    }

    #[tokio::test]
    async fn a_port_outside_the_hosts_range_is_never_taken() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let port = free.port().to_string();
        let launch = LaunchEnv::read(|name| name.ends_with("_PORT").then(|| port.clone().into()));
        let bound = bind(&launch, &only(Network::Tcp), false).unwrap();
        assert_eq!(bound.listener.address(), Address::Tcp(free));
    }

    #[tokio::test]
    async fn impossible_settings_end_the_start() {
        let code = |launch: &LaunchEnv, settings: &Settings| {
            bind(launch, settings, false).err().unwrap().code()
        };
        let ports = launch(&[("PLUGIN_MIN_PORT", "9"), ("PLUGIN_MAX_PORT", "7")]);
        assert_eq!(code(&ports, &only(Network::Tcp)), "CONFIG_PORT_RANGE");
        let everywhere = Values::new().server_host([0, 0, 0, 0].into());
        let everywhere = Settings::of(everywhere.server_transports(vec![Network::Tcp]));
        assert_eq!(code(&launch(&[]), &everywhere), "SECURITY_TLS_REQUIRED");
        #[cfg(unix)]
        {
            let missing = launch(&[("PLUGIN_UNIX_SOCKET_DIR", "/no/such/directory")]);
            assert_eq!(code(&missing, &Settings::of(Values::new())), "CONFIG_SOCKET_DIR");
        }
    }
}

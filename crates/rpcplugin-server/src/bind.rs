//! Which listener a plugin opens: the host's first choice that the plugin allows and can bind.

use std::net::{IpAddr, Ipv4Addr};

use rpcplugin_core::{
    Address, Error, LaunchEnv, Network, SecurityError, TransportError, env::PortRange,
};
use rpcplugin_transport::{Listener, TcpBind, TcpListener};

use crate::{
    settings::{ListenOn, Settings},
    side::SideSockets,
};

#[cfg(unix)]
#[path = "bind/unix.rs"]
mod unix;
#[cfg(not(unix))]
#[path = "bind/other.rs"]
mod unix;

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
    if let Some(listen) = &settings.listen {
        return bind_given(listen, launch, tls);
    }
    let mut attempts = Vec::new();
    for network in order(launch, settings) {
        let bound = match network {
            Network::Unix => unix::bind(launch),
            _ => bind_tcp(launch),
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
pub(crate) fn beside_a_given(listener: &dyn Listener, launch: &LaunchEnv) -> SideSockets {
    match listener.address() {
        Address::Tcp(_) => SideSockets::Tcp(PortRange::System),
        _ => unix::apart(launch),
    }
}

/// What the line says of a listener at `bound`.
///
/// # Errors
///
/// `SECURITY_TLS_REQUIRED` for an address off loopback without TLS, wherever the listener is:
/// something must carry its bytes there.
pub(crate) fn announced(bound: Address, settings: &Settings, tls: bool) -> Result<Address, Error> {
    match (&settings.announce, bound) {
        (Some(Address::Tcp(tcp)), _) if !is_loopback(tcp.ip()) && !tls => {
            Err(SecurityError::TlsRequired.into())
        }
        (Some(Address::Tcp(tcp)), Address::Tcp(bound)) if tcp.port() == 0 => {
            Ok(Address::Tcp((tcp.ip(), bound.port()).into()))
        }
        (Some(other), _) => Ok(other.clone()),
        (None, bound) => Ok(bound),
    }
}

/// `::ffff:127.0.0.1` is loopback too, and not to [`IpAddr::is_loopback`].
fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The networks to try, in order.
fn order(launch: &LaunchEnv, settings: &Settings) -> Vec<Network> {
    let ours = settings.transports.as_deref().unwrap_or(Network::preferred());
    let Some(hosts) = &launch.transports else { return ours.to_vec() };
    let common: Vec<_> = hosts.iter().copied().filter(|network| ours.contains(network)).collect();
    if common.is_empty() {
        // The host refuses the answer with an error that shows both lists.
        tracing::warn!(?hosts, ?ours, "host and plugin have no network in common");
        return ours.to_vec();
    }
    common
}

fn bind_tcp(launch: &LaunchEnv) -> Result<Bound, Error> {
    let ports = PortRange::parse(launch.ports.0.as_deref(), launch.ports.1.as_deref())?;
    let listener = tcp(IpAddr::V4(Ipv4Addr::LOCALHOST), ports.clone())?;
    Ok(Bound { listener, sides: SideSockets::Tcp(ports) })
}

fn bind_given(listen: &ListenOn, launch: &LaunchEnv, tls: bool) -> Result<Bound, Error> {
    match listen {
        ListenOn::Tcp(address) if !is_loopback(address.ip()) && !tls => {
            Err(SecurityError::TlsRequired.into())
        }
        ListenOn::Tcp(address) => {
            let ports = match address.port() {
                0 => PortRange::System,
                port => PortRange::Within(port..=port),
            };
            let listener = tcp(address.ip(), ports)?;
            Ok(Bound { listener, sides: SideSockets::Tcp(PortRange::System) })
        }
        ListenOn::Unix(path) => unix::bind_path(path, launch),
    }
}

fn tcp(ip: IpAddr, ports: PortRange) -> Result<Box<dyn Listener>, Error> {
    Ok(Box::new(TcpListener::bind(&TcpBind::new(ip, ports))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(variables: &'static [(&str, &str)]) -> LaunchEnv {
        LaunchEnv::read(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).into())
        })
    }

    fn only(network: Network) -> Settings {
        Settings { transports: Some(vec![network]), ..Settings::default() }
    }

    #[test]
    fn the_hosts_order_counts_within_what_the_plugin_allows() {
        let both = launch(&[("RPCPLUGIN_TRANSPORTS", "tcp,unix")]);
        let defaults = Settings::default();
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

    #[test]
    fn another_address_may_be_announced_and_keeps_the_rules() {
        let tcp = |text: &str| Address::Tcp(text.parse().unwrap());
        let announce = |address: &str, tls| {
            let settings = Settings { announce: Some(tcp(address)), ..Settings::default() };
            announced(tcp("0.0.0.0:7000"), &settings, tls).map_err(|error| error.code())
        };
        assert_eq!(announce("192.0.2.1:80", true), Ok(tcp("192.0.2.1:80")));
        assert_eq!(announce("192.0.2.1:0", true), Ok(tcp("192.0.2.1:7000")));
        assert_eq!(announce("127.0.0.1:80", false), Ok(tcp("127.0.0.1:80")));
        assert_eq!(announce("192.0.2.1:80", false), Err("SECURITY_TLS_REQUIRED"));
        let bound = announced(tcp("127.0.0.1:7"), &Settings::default(), false).unwrap();
        assert_eq!(bound, tcp("127.0.0.1:7"));
    }

    #[tokio::test]
    async fn impossible_settings_end_the_start() {
        let code = |launch: &LaunchEnv, settings: &Settings| {
            bind(launch, settings, false).err().unwrap().code()
        };
        let ports = launch(&[("PLUGIN_MIN_PORT", "9"), ("PLUGIN_MAX_PORT", "7")]);
        assert_eq!(code(&ports, &only(Network::Tcp)), "CONFIG_PORT_RANGE");
        let everywhere = ListenOn::Tcp("0.0.0.0:0".parse().unwrap());
        let listen = Settings { listen: Some(everywhere), ..Settings::default() };
        assert_eq!(code(&launch(&[]), &listen), "SECURITY_TLS_REQUIRED");
        #[cfg(unix)]
        {
            let missing = launch(&[("PLUGIN_UNIX_SOCKET_DIR", "/no/such/directory")]);
            assert_eq!(code(&missing, &Settings::default()), "CONFIG_SOCKET_DIR");
        }
    }
}

//! What the line says of a listener.

use std::{
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::mpsc,
};

use rpcplugin_core::{Address, Error, SecurityError, TransportError};

use super::is_loopback;
use crate::settings::Settings;

/// What hosts are told of a listener at `bound`.
///
/// # Errors
///
/// `SECURITY_TLS_REQUIRED` for an address off loopback without TLS, wherever the listener is:
/// something must carry its bytes there. `TRANSPORT_INVALID_ENDPOINT` for a name without an
/// address.
pub(crate) fn announced(bound: Address, settings: &Settings, tls: bool) -> Result<Address, Error> {
    let chosen = match (settings.options.announce.clone(), &bound) {
        (Some(Address::Tcp(chosen)), Address::Tcp(bound)) if chosen.port() == 0 => {
            Some(Address::Tcp((chosen.ip(), bound.port()).into()))
        }
        (chosen, _) => chosen,
    };
    let is_chosen = chosen.is_some();
    let mut tcp = match chosen.unwrap_or(bound) {
        Address::Tcp(tcp) => tcp,
        other => return Ok(other),
    };
    if let Some(host) = settings.config.server_advertise_host() {
        tcp.set_ip(look_up(host, tcp, settings)?);
    } else if !is_chosen {
        // Whether it may be listened at was decided before.
        return Ok(Address::Tcp(tcp));
    }
    if !is_loopback(tcp.ip()) && !tls {
        return Err(SecurityError::TlsRequired.into());
    }
    Ok(Address::Tcp(tcp))
}

/// The address behind a name. Hosts look no names up.
fn look_up(host: &str, bound: SocketAddr, settings: &Settings) -> Result<IpAddr, TransportError> {
    if let Ok(ip) = host.parse() {
        return Ok(ip);
    }
    let (tell, told) = mpsc::channel();
    let name = (host.to_owned(), bound.port());
    // Nobody says how long the system's resolver takes.
    let _ = std::thread::Builder::new().name("rpcplugin-name".to_owned()).spawn(move || {
        let found = name.to_socket_addrs().map(|found| found.map(|one| one.ip()).collect());
        let _ = tell.send(found.unwrap_or_else(|_| Vec::new()));
    });
    let limit = settings.config.server_ready_timeout();
    let found: Vec<IpAddr> = told.recv_timeout(limit).unwrap_or_default();
    let same_family = found.iter().find(|ip| ip.is_ipv4() == bound.is_ipv4());
    same_family.or(found.first()).copied().ok_or_else(|| TransportError::InvalidEndpoint {
        address: rpcplugin_core::escape_text(host),
        reason: "PLUGIN_SERVER_ADVERTISE_HOST is no name with an address",
    })
}

#[cfg(test)]
mod tests {
    use rpcplugin_core::config::Values;

    use super::*;

    fn tcp(text: &str) -> Address {
        Address::Tcp(text.parse().unwrap())
    }

    #[test]
    fn another_address_may_be_announced_and_keeps_the_rules() {
        let announce = |address: &str, tls| {
            let mut settings = Settings::of(Values::new());
            settings.options.announce = Some(tcp(address));
            announced(tcp("0.0.0.0:7000"), &settings, tls).map_err(|error| error.code())
        };
        assert_eq!(announce("192.0.2.1:80", true), Ok(tcp("192.0.2.1:80")));
        assert_eq!(announce("192.0.2.1:0", true), Ok(tcp("192.0.2.1:7000")));
        assert_eq!(announce("127.0.0.1:80", false), Ok(tcp("127.0.0.1:80")));
        assert_eq!(announce("192.0.2.1:80", false), Err("SECURITY_TLS_REQUIRED"));
        let bound = announced(tcp("127.0.0.1:7"), &Settings::of(Values::new()), false).unwrap();
        assert_eq!(bound, tcp("127.0.0.1:7"));
    }

    #[test]
    fn a_host_to_advertise_takes_the_place_of_the_ip() {
        let advertise = |host: &str, tls| {
            let settings = Settings::of(Values::new().server_advertise_host(host));
            announced(tcp("0.0.0.0:7000"), &settings, tls).map_err(|error| error.code())
        };
        assert_eq!(advertise("192.0.2.1", true), Ok(tcp("192.0.2.1:7000")));
        assert_eq!(advertise("192.0.2.1", false), Err("SECURITY_TLS_REQUIRED"));
        assert_eq!(advertise("localhost", false), Ok(tcp("127.0.0.1:7000")));
        let socket = Address::Unix("/run/s".into());
        let settings = Settings::of(Values::new().server_advertise_host("192.0.2.1"));
        assert_eq!(announced(socket.clone(), &settings, false).unwrap(), socket);
    }
}

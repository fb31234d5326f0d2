use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use crate::HandshakeError;

/// How two processes of one machine reach each other.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Network {
    /// Unix domain sockets.
    Unix,
    /// TCP, on a loopback address unless chosen otherwise by name.
    Tcp,
}

impl Network {
    /// The name on the wire: `unix` or `tcp`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
        }
    }

    /// The networks of this platform in order of preference: Unix sockets first, TCP alone on
    /// Windows.
    #[must_use]
    pub const fn preferred() -> &'static [Self] {
        if cfg!(windows) { &[Self::Tcp] } else { &[Self::Unix, Self::Tcp] }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Network {
    type Err = UnknownNetwork;

    /// Reads exactly `unix` or `tcp`; case matters on the wire.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "unix" => Ok(Self::Unix),
            "tcp" => Ok(Self::Tcp),
            _ => Err(UnknownNetwork),
        }
    }
}

/// The text names neither `unix` nor `tcp`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a network: expected unix or tcp")]
#[non_exhaustive]
pub struct UnknownNetwork;

/// Where a plugin listens.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// A Unix domain socket, by its absolute path.
    Unix(PathBuf),
    /// An IP literal and a port.
    Tcp(SocketAddr),
}

impl Address {
    /// The network that this address belongs to.
    #[must_use]
    pub const fn network(&self) -> Network {
        match self {
            Self::Unix(_) => Network::Unix,
            Self::Tcp(_) => Network::Tcp,
        }
    }

    /// Reads the two fields of a handshake line. No name is looked up; `localhost` means
    /// `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// `HANDSHAKE_ADDRESS` if the network is unknown, a path is not absolute or holds a NUL, or
    /// a TCP address is not an IP literal with a port from 1 to 65535.
    pub fn parse(network: &str, address: &str) -> Result<Self, HandshakeError> {
        let refuse = |reason: &'static str| HandshakeError::Address {
            network: crate::escape_text(network),
            address: crate::escape_text(address),
            reason,
        };
        match network.parse() {
            Ok(Network::Unix) => parse_unix(address).map_err(refuse),
            Ok(Network::Tcp) => parse_tcp(address).map_err(refuse),
            Err(_) => Err(refuse("the network is neither unix nor tcp")),
        }
    }
}

impl fmt::Display for Address {
    /// The address alone, as on the handshake line; [`Address::network`] gives the other field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

fn parse_unix(path: &str) -> Result<Address, &'static str> {
    if path.is_empty() {
        return Err("the path is empty");
    }
    if path.contains('\0') {
        return Err("the path holds a NUL byte");
    }
    // Not `Path::is_absolute`, which on Windows wants a drive letter.
    if !path.starts_with('/') {
        return Err("the path is not absolute");
    }
    if path.len() > crate::limits::SOCKET_PATH {
        return Err("the path is too long for a socket");
    }
    Ok(Address::Unix(path.into()))
}

fn parse_tcp(address: &str) -> Result<Address, &'static str> {
    let literal = address.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let address: SocketAddr = literal
        .as_deref()
        .unwrap_or(address)
        .parse()
        .map_err(|_| "not an IP literal with a port from 1 to 65535")?;
    if address.port() == 0 {
        return Err("port 0 cannot be dialled");
    }
    Ok(Address::Tcp(address))
}

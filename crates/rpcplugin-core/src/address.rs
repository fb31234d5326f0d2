use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use crate::{HandshakeError, TransportError};

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

    /// The address as a field of a handshake line or a broker's message, which hosts can read
    /// back and dial.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_INVALID_ENDPOINT` for what [`parse`](Self::parse) refuses, for a path that is
    /// not UTF-8 or holds a `|` or a control character, and for an unspecified IP such as
    /// `0.0.0.0`, which says where to listen and not whom to dial.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_core::Address;
    ///
    /// assert_eq!(Address::Unix("/run/plugin.sock".into()).to_field()?, "/run/plugin.sock");
    /// assert!(Address::Unix("/run/a|b".into()).to_field().is_err());
    /// assert!(Address::Tcp(([0, 0, 0, 0], 80).into()).to_field().is_err());
    /// # Ok::<(), rpcplugin_core::TransportError>(())
    /// ```
    pub fn to_field(&self) -> Result<String, TransportError> {
        let refuse = |reason| TransportError::InvalidEndpoint {
            address: crate::escape_text(&self.to_string()),
            reason,
        };
        match self {
            Self::Unix(path) => {
                let text = path.to_str().ok_or_else(|| refuse("the path is not UTF-8"))?;
                if text.contains(|c: char| c == '|' || c.is_control()) {
                    return Err(refuse(
                        "the path holds a character that the handshake line cannot carry",
                    ));
                }
                parse_unix(text).map_err(refuse)?;
                Ok(text.to_owned())
            }
            Self::Tcp(address) if address.ip().to_canonical().is_unspecified() => {
                Err(refuse("it stands for every address of this machine; announce one of them"))
            }
            Self::Tcp(address) => {
                let text = address.to_string();
                parse_tcp(&text).map_err(refuse)?;
                Ok(text)
            }
        }
    }
}

impl fmt::Display for Address {
    /// The address alone, for people; [`Address::to_field`] is for the wire.
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

use std::{fmt, str::FromStr};

use crate::{
    Address, CertificateField, HandshakeError, TransportError, VersionSet, escape, limits,
};

/// A plugin's announcement of where it listens and what it speaks.
///
/// The checks that need the host's policy (certificate, address, multiplexing) are the host's;
/// this type knows the line alone. `docs/wire-format.md` has the grammar; the order of checks
/// is that of go-plugin v1.8.0, `client.go:836-946`.
///
/// # Example
///
/// ```
/// use rpcplugin_core::{Address, Handshake};
///
/// let line = "1|3|unix|/tmp/plugin123|grpc|";
/// let handshake: Handshake = line.parse()?;
/// assert_eq!(handshake.app_version, 3);
/// assert_eq!(handshake.address, Address::Unix("/tmp/plugin123".into()));
/// assert_eq!(handshake.to_string(), line);
/// # Ok::<(), rpcplugin_core::HandshakeError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Handshake {
    /// The application version that the plugin serves.
    pub app_version: u32,
    /// Where it listens.
    pub address: Address,
    /// Its certificate, if it announces one.
    pub certificate: CertificateField,
    /// Its answer to a host that asked for multiplexing. `None` if it gave none that is readable.
    pub multiplexing: Option<bool>,
}

/// The core protocol's version, the only one there is.
const CORE_VERSION: &str = "1";

impl Handshake {
    /// A line without certificate and without an answer on multiplexing.
    #[must_use]
    pub fn new(app_version: u32, address: Address) -> Self {
        Self { app_version, address, certificate: CertificateField::default(), multiplexing: None }
    }

    /// Reads a line as a host that knows these versions does. The line may end in LF or CRLF.
    ///
    /// # Errors
    ///
    /// The first check that fails, in this order: `HANDSHAKE_LINE_TOO_LONG`,
    /// `HANDSHAKE_LINE_NOT_UTF8`, `HANDSHAKE_NOT_A_HANDSHAKE` or `HANDSHAKE_FIELD_COUNT`,
    /// `HANDSHAKE_CORE_VERSION`, `HANDSHAKE_VERSION_MISMATCH`, `HANDSHAKE_ADDRESS`,
    /// `HANDSHAKE_PROTOCOL_UNSUPPORTED`.
    pub fn read(line: &[u8], host: &VersionSet) -> Result<Self, HandshakeError> {
        Self::parse(line, Some(host))
    }

    /// The line that a plugin prints, without its newline.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_INVALID_ENDPOINT` if no line can carry the address: see [`Address::to_field`].
    pub fn to_line(&self) -> Result<String, TransportError> {
        self.address.to_field()?;
        Ok(self.to_string())
    }

    fn parse(line: &[u8], host: Option<&VersionSet>) -> Result<Self, HandshakeError> {
        if line.trim_ascii_end().len() > limits::HANDSHAKE_LINE {
            return Err(HandshakeError::LineTooLong { start: shown(line) });
        }
        let text = std::str::from_utf8(line)
            .map_err(|_| HandshakeError::LineNotUtf8 { line: shown(line) })?
            .trim();
        let fields: Vec<&str> = text.split('|').collect();
        let [core, app, network, address, rest @ ..] = fields.as_slice() else {
            return Err(too_few(&fields, line));
        };
        if *core != CORE_VERSION {
            return Err(HandshakeError::CoreVersion { found: shown(core.as_bytes()) });
        }
        let app_version = app_version(app, host)?;
        let address = Address::parse(network, address)?;
        // go-plugin reads a missing fifth field as net/rpc, so absence is not "grpc".
        let protocol = rest.first().copied().unwrap_or("netrpc");
        if protocol != "grpc" {
            return Err(HandshakeError::ProtocolUnsupported {
                protocol: shown(protocol.as_bytes()),
            });
        }
        Ok(Self {
            app_version,
            address,
            certificate: CertificateField::from_text(rest.get(1).copied().unwrap_or_default()),
            multiplexing: rest.get(2).copied().and_then(crate::env::go_bool),
        })
    }
}

impl FromStr for Handshake {
    type Err = HandshakeError;

    /// Reads a line whatever application version it names.
    fn from_str(line: &str) -> Result<Self, Self::Err> {
        Self::parse(line.as_bytes(), None)
    }
}

impl fmt::Display for Handshake {
    /// The line without its newline: six fields always, because pyvider waits for the fifth `|`;
    /// the seventh only as an answer, because older Go hosts read it as part of the sixth.
    ///
    /// An address that no line can carry makes a broken line here; [`Handshake::to_line`] refuses
    /// it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app_version, address, certificate, multiplexing } = self;
        write!(
            f,
            "{CORE_VERSION}|{app_version}|{}|{address}|grpc|{certificate}",
            address.network()
        )?;
        match multiplexing {
            Some(answer) => write!(f, "|{answer}"),
            None => Ok(()),
        }
    }
}

fn too_few(fields: &[&str], line: &[u8]) -> HandshakeError {
    let digits =
        fields.first().is_some_and(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()));
    if digits && fields.len() > 1 {
        HandshakeError::FieldCount { count: fields.len(), line: shown(line) }
    } else {
        HandshakeError::NotAHandshake { line: shown(line) }
    }
}

fn app_version(field: &str, host: Option<&VersionSet>) -> Result<u32, HandshakeError> {
    let version = Some(field)
        .filter(|field| {
            !field.is_empty() && field.len() <= 10 && field.bytes().all(|b| b.is_ascii_digit())
        })
        .and_then(|field| field.parse().ok())
        .filter(|version| *version <= VersionSet::MAX)
        .filter(|version| host.is_none_or(|host| host.contains(*version)));
    version.ok_or_else(|| HandshakeError::VersionMismatch {
        plugin: shown(field.as_bytes()),
        host: host.map(VersionSet::to_vec).unwrap_or_default(),
    })
}

/// The start of what was read, escaped: enough to recognise it, too little to flood a log.
fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 200;
    let bytes = bytes.trim_ascii();
    let mut text = escape(bytes.get(..SHOWN).unwrap_or(bytes));
    if bytes.len() > SHOWN {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;

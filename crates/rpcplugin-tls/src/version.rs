use rustls::{DEFAULT_VERSIONS, SupportedProtocolVersion};

/// The oldest TLS that a side speaks. Nothing below TLS 1.2 is spoken in any case.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 or 1.3. The default: peers on old gRPC libraries have no other.
    #[default]
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

impl TlsVersion {
    pub(crate) fn and_newer(self) -> &'static [&'static SupportedProtocolVersion] {
        static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
        match self {
            Self::Tls12 => DEFAULT_VERSIONS,
            Self::Tls13 => TLS13,
        }
    }
}

use std::{
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use crate::{DAY, KeyType, Provider};

/// A name that a certificate is for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum San {
    /// A host name.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A URI, as SPIFFE gives workloads: `spiffe://example.org/kv`.
    Uri(String),
}

impl fmt::Display for San {
    /// `dns:localhost`, `ip:127.0.0.1`, `uri:spiffe://…`. What a peer wrote is not escaped here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::Ip(address) => write!(f, "ip:{address}"),
            Self::Uri(uri) => write!(f, "uri:{uri}"),
        }
    }
}

/// What a certificate may be used for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Usage {
    /// For either end of a connection. The default: with side channels, host and plugin each
    /// accept connections of the other.
    #[default]
    Both,
    /// To accept connections alone. A plugin without side channels needs no more.
    Server,
    /// To make connections alone. A host without side channels needs no more.
    Client,
}

/// What [`Identity::generate`](crate::Identity::generate) makes, and what
/// [`CertAuthority::issue`](crate::CertAuthority::issue) issues.
///
/// The default is a one-time certificate as both sides of an automatic mutual TLS connection use
/// it: P-256, organization `rpcplugin`, common name and DNS name `localhost`, valid from 24 hours
/// ago for ten years.
#[derive(Clone, Debug)]
#[must_use]
pub struct IdentityParams {
    pub(super) organization: String,
    pub(super) common_name: String,
    pub(super) names: Vec<San>,
    pub(super) backdate: Duration,
    pub(super) lifetime: Duration,
    pub(super) usage: Usage,
    /// The time to count from, if it is not the system's.
    pub(super) now: Option<SystemTime>,
    pub(super) key_type: KeyType,
    pub(super) provider: Provider,
}

impl IdentityParams {
    /// The same as [`IdentityParams::default`].
    pub fn new() -> Self {
        Self {
            organization: "rpcplugin".into(),
            common_name: "localhost".into(),
            names: vec![San::Dns("localhost".into())],
            backdate: DAY,
            lifetime: 3652 * DAY,
            usage: Usage::default(),
            now: None,
            key_type: KeyType::default(),
            provider: Provider::default(),
        }
    }

    /// What an authority issues for a year: `common_name` is the subject, and the DNS name
    /// `localhost` stays, because hosts look for it unless told otherwise.
    pub fn issued(common_name: impl Into<String>) -> Self {
        Self::new().common_name(common_name).validity_days(365)
    }

    pub(crate) fn at(mut self, now: SystemTime) -> Self {
        self.now = Some(now);
        self
    }

    /// The moment to count from.
    pub(crate) fn now(&self) -> SystemTime {
        self.now.unwrap_or_else(SystemTime::now)
    }

    pub(crate) const fn chosen_key_type(&self) -> KeyType {
        self.key_type
    }

    pub(crate) const fn chosen_provider(&self) -> &Provider {
        &self.provider
    }

    /// The subject's organization: `rpcplugin`.
    pub fn organization(mut self, organization: impl Into<String>) -> Self {
        self.organization = organization.into();
        self
    }

    /// The subject's common name: `localhost`.
    pub fn common_name(mut self, common_name: impl Into<String>) -> Self {
        self.common_name = common_name.into();
        self
    }

    /// The names that replace the default, the DNS name `localhost`.
    pub fn names(mut self, names: impl IntoIterator<Item = San>) -> Self {
        self.names = names.into_iter().collect();
        self
    }

    /// How long ago the certificate became valid: 24 hours, so that clocks may differ.
    pub fn backdate(mut self, backdate: Duration) -> Self {
        self.backdate = backdate;
        self
    }

    /// How long from now the certificate stays valid: ten years.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// How many days from now the certificate stays valid: [`lifetime`](Self::lifetime) in days.
    pub fn validity_days(self, days: u32) -> Self {
        self.lifetime(days * DAY)
    }

    /// What it may be used for: both ends of a connection.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// The kind of key: P-256.
    pub fn key_type(mut self, key_type: KeyType) -> Self {
        self.key_type = key_type;
        self
    }

    /// What makes the key and later runs the handshakes: ring.
    pub fn provider(mut self, provider: Provider) -> Self {
        self.provider = provider;
        self
    }
}

impl Default for IdentityParams {
    fn default() -> Self {
        Self::new()
    }
}

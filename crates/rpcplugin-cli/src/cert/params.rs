//! What certificates are to be like, from arguments and settings.

use clap::{Args, ValueEnum};
use rpcplugin::{
    Config,
    tls::{CertRole, IdentityParams, KeyType, San, Usage},
};

use crate::failure::Failure;

/// The settings for certificates of this process's environment.
///
/// No others: a variable that names a certificate must not keep this command from making it.
pub(super) fn settings() -> Result<Config, Failure> {
    const READ: [&str; 4] = [
        "PLUGIN_MTLS_CERT_DIR",
        "PLUGIN_CERT_VALIDITY_DAYS",
        "PLUGIN_CERT_ROTATION_DAYS",
        "PLUGIN_CERT_KEY_TYPE",
    ];
    let ours = std::env::vars_os().filter(|(name, _)| READ.iter().any(|read| name == read));
    Ok(Config::builder().environment(ours).build()?)
}

/// Whose certificate it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Role {
    /// The application that starts plugins.
    Host,
    /// The plugin.
    Server,
}

impl Role {
    pub(super) const ALL: [Self; 2] = [Self::Host, Self::Server];

    /// The same for a directory of certificates.
    pub(super) const fn of_directory(self) -> CertRole {
        match self {
            Self::Host => CertRole::Host,
            Self::Server => CertRole::Server,
        }
    }

    /// What its files are called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Server => "server",
        }
    }
}

#[derive(Args, Debug)]
pub(super) struct Holder {
    /// The subject's common name: rpcplugin host, or rpcplugin server.
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    /// The subject's organization.
    #[arg(long, value_name = "NAME", default_value = "rpcplugin")]
    organization: String,
    /// A name that it is for: a DNS name, an address, or with uri: before it a URI. May be given
    /// again. Without any it is localhost, which hosts look for unless told otherwise.
    #[arg(long = "name", value_name = "NAME", value_parser = san)]
    names: Vec<San>,
    /// What it may be used for. With side channels each end accepts connections of the other.
    #[arg(long, value_enum, default_value = "both")]
    usage: UsageWord,
    /// How many days it stays valid: 365, or PLUGIN_CERT_VALIDITY_DAYS.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10957))]
    days: Option<u32>,
    /// The kind of key: p256, or PLUGIN_CERT_KEY_TYPE.
    #[arg(long, value_enum)]
    key_type: Option<KeyTypeWord>,
}

impl Holder {
    pub(super) fn params(self, role: Option<Role>, settings: &Config) -> IdentityParams {
        let common_name = match (self.common_name, role) {
            (Some(name), _) => name,
            (None, Some(role)) => format!("rpcplugin {}", role.name()),
            (None, None) => "rpcplugin".to_owned(),
        };
        let params = IdentityParams::issued(common_name)
            .organization(self.organization)
            .usage(self.usage.into())
            .validity_days(self.days.unwrap_or_else(|| settings.cert_validity_days()))
            .key_type(KeyTypeWord::or_setting(self.key_type, settings));
        match self.names.is_empty() {
            true => params,
            false => params.names(self.names),
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum UsageWord {
    /// For either end of a connection.
    Both,
    /// To accept connections alone.
    Server,
    /// To make connections alone.
    Client,
}

impl From<UsageWord> for Usage {
    fn from(word: UsageWord) -> Self {
        match word {
            UsageWord::Both => Self::Both,
            UsageWord::Server => Self::Server,
            UsageWord::Client => Self::Client,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum KeyTypeWord {
    /// ECDSA on P-256; every known peer accepts it.
    P256,
    /// ECDSA on P-384; every known peer accepts it.
    P384,
    /// Ed25519; peers on gRPC-core do not accept it.
    Ed25519,
}

impl KeyTypeWord {
    pub(super) fn or_setting(word: Option<Self>, settings: &Config) -> KeyType {
        match word {
            Some(Self::P256) => KeyType::P256,
            Some(Self::P384) => KeyType::P384,
            Some(Self::Ed25519) => KeyType::Ed25519,
            // P-521 is refused where the key is made, with the reason.
            None => settings.cert_key_type().into(),
        }
    }
}

/// `kv.internal`, `192.0.2.7`, `2001:db8::7`, `uri:spiffe://…`; `dns:` and `ip:` before it as
/// `cert show` writes them.
pub(super) fn san(text: &str) -> Result<San, String> {
    if let Some(uri) = text.strip_prefix("uri:") {
        return Ok(San::Uri(uri.to_owned()));
    }
    let name = match text.strip_prefix("ip:") {
        Some(address) => {
            return address.parse().map(San::Ip).map_err(|_| "no IP address".to_owned());
        }
        None => text.strip_prefix("dns:").unwrap_or(text),
    };
    if let Ok(address) = name.parse() {
        return Ok(San::Ip(address));
    }
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._*".contains(&byte));
    match is_name {
        true => Ok(San::Dns(name.to_owned())),
        false => Err("neither a DNS name nor an address; a URI begins with uri:".to_owned()),
    }
}

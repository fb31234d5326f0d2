//! Between [`Tls`] and the settings that choose the protection.

#[cfg(feature = "tls")]
use rpcplugin_core::config::CertKeyType;
use rpcplugin_core::{
    Config, Error,
    config::{Setting, Values},
};
#[cfg(feature = "tls")]
use rpcplugin_tls::{KeyType, Provider};

use crate::Tls;

/// The program's values, with its choice of protection among them. Without a choice, the other
/// layers and the defaults decide.
pub(super) fn chosen(values: Values, tls: Option<&Tls>) -> Values {
    match tls {
        None => values,
        Some(Tls::Auto) => values.without(Setting::Insecure).auto_mtls(true),
        Some(Tls::Plaintext) => values.without(Setting::AutoMtls).insecure(true),
        #[cfg(feature = "tls")]
        Some(Tls::Custom(_)) => {
            let values = values.without(Setting::Insecure).without(Setting::AutoMtls);
            values.tls_demanded("Tls::Custom")
        }
    }
}

/// The protection that the settings come to. They have been checked: nothing lowers what the
/// program chose.
///
/// # Errors
///
/// `SECURITY_TLS_NOT_BUILT`.
pub(super) fn effective(config: &Config, program: Option<&Tls>) -> Result<Tls, Error> {
    if config.insecure() {
        return Ok(Tls::Plaintext);
    }
    #[cfg(not(feature = "tls"))]
    {
        let _ = program;
        Err(rpcplugin_core::SecurityError::TlsNotBuilt.into())
    }
    #[cfg(feature = "tls")]
    match program {
        Some(Tls::Custom(custom)) => Ok(Tls::Custom(custom.clone())),
        _ => Ok(Tls::Auto),
    }
}

/// The kind of key of this host's certificates.
///
/// # Errors
///
/// `CONFIG_NOT_BUILT`, `CONFIG_INVALID` for one that the provider does not make.
#[cfg(feature = "tls")]
pub(super) fn key_type(config: &Config, provider: &Provider) -> Result<KeyType, Error> {
    let kind = match config.cert_key_type() {
        CertKeyType::P384 => KeyType::P384,
        CertKeyType::Ed25519 => KeyType::Ed25519,
        CertKeyType::P521 => KeyType::P521,
        _ => KeyType::P256,
    };
    provider.check(kind)?;
    Ok(kind)
}

/// The setting's word for a kind of key.
#[cfg(feature = "tls")]
pub(crate) const fn of_key_type(kind: KeyType) -> CertKeyType {
    match kind {
        KeyType::P384 => CertKeyType::P384,
        KeyType::Ed25519 => CertKeyType::Ed25519,
        KeyType::P521 => CertKeyType::P521,
        _ => CertKeyType::P256,
    }
}

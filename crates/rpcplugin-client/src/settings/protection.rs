//! Between [`Tls`] and the settings that choose the protection.

use rpcplugin_core::{
    Config, Error,
    config::{Setting, Values},
};
#[cfg(feature = "tls")]
use rpcplugin_core::{ConfigError, SecurityError};
#[cfg(feature = "tls")]
use rpcplugin_tls::{
    CertDirectory, CertRole, CustomTls, Identity, IdentityParams, KeyType, Provider, Roots,
};

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
/// `SECURITY_TLS_NOT_BUILT`; `CONFIG_CONFLICT` for certificates that are no whole;
/// `SECURITY_CONFIG_CONFLICT` for some beside those of the program; `SECURITY_TLS_REQUIRED`; `SECURITY_CERT_INVALID` and
/// `SECURITY_FILE_PERMISSIONS` for certificates that do not work.
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
    with_certificates(config, program)
}

#[cfg(feature = "tls")]
fn with_certificates(config: &Config, program: Option<&Tls>) -> Result<Tls, Error> {
    let own = [Setting::HostCert, Setting::ServerRootCerts];
    let own = own.into_iter().find(|one| config.value(*one).is_some());
    // The program may have asked for more than the settings.
    let oldest = |custom: CustomTls| custom.at_least(config.tls_min_version().into());
    match (program, own) {
        (Some(Tls::Custom(custom)), None) => return Ok(Tls::Custom(oldest(custom.clone()))),
        (Some(Tls::Custom(_)), Some(setting)) => {
            return Err(SecurityError::ConfigConflict {
                weak: format!("{setting} ({})", config.entry(setting).source),
                demand: "Tls::Custom (the program), which also says whom to trust".to_owned(),
            }
            .into());
        }
        _ => {}
    }
    let directory = config.mtls_cert_dir().map(CertDirectory::open).transpose()?;
    let identity = match (config.host_cert(), config.host_key(), &directory) {
        (Some(chain), Some(key), _) => {
            Identity::from_pem(chain.as_bytes(), key.expose().as_bytes())?
        }
        (_, _, Some(directory)) => directory.issued(
            CertRole::Host,
            IdentityParams::issued("rpcplugin host").key_type(config.cert_key_type().into()),
            config.cert_validity_days(),
            config.cert_rotation_days(),
        )?,
        _ if config.server_root_certs().is_some() => {
            return Err(incomplete(Setting::ServerRootCerts, Setting::HostCert));
        }
        // Authorities alone say nothing: they may be meant for this process as a plugin.
        _ if config.auto_mtls() => return Ok(Tls::Auto),
        _ => return Err(SecurityError::TlsRequired.into()),
    };
    let roots = match (config.server_root_certs().or(config.ca_cert()), &directory) {
        (Some(roots), _) => Roots::from_pem(roots.as_bytes())?,
        (None, Some(directory)) => directory.roots()?,
        (None, None) => return Err(incomplete(Setting::HostCert, Setting::ServerRootCerts)),
    };
    Ok(Tls::Custom(oldest(CustomTls::new(identity, roots))))
}

#[cfg(feature = "tls")]
fn incomplete(has: Setting, lacks: Setting) -> Error {
    let reason = "mutual TLS with own certificates takes this host's and the plugin's authorities";
    let (first, second) = (has.to_string(), format!("no {lacks}"));
    ConfigError::Settings { first, second, reason }.into()
}

/// The kind of key of this host's certificates.
///
/// # Errors
///
/// `CONFIG_NOT_BUILT`, `CONFIG_INVALID` for one that the provider does not make.
#[cfg(feature = "tls")]
pub(super) fn key_type(config: &Config, provider: &Provider) -> Result<KeyType, Error> {
    let kind = config.cert_key_type().into();
    provider.check(kind)?;
    Ok(kind)
}

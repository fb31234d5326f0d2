//! Certificates that the operator supplies, in the program or in settings.

use std::net::Ipv4Addr;

use rpcplugin_broker::Protection;
use rpcplugin_core::{ConfigError, Error, SecurityError, config::Setting};
use rpcplugin_tls::{CertDirectory, CertRole, CustomTls, Identity, IdentityParams, Roots, San};

use super::{certificates, shown};
use crate::settings::Settings;

/// Those of the program or of the settings; `None` if neither has any.
///
/// # Errors
///
/// `SECURITY_CONFIG_CONFLICT` if both have; `CONFIG_CONFLICT` for half of what is needed;
/// `SECURITY_CERT_INVALID` and `SECURITY_FILE_PERMISSIONS` for what cannot be used.
pub(super) fn choose(settings: &Settings) -> Result<Option<CustomTls>, Error> {
    let mut given = certificates(settings);
    match (&settings.options.custom_tls, given.next()) {
        (Some(_), Some(setting)) => Err(SecurityError::ConfigConflict {
            weak: shown(settings, setting),
            demand: "custom_tls (the program), which also says whom to trust".to_owned(),
        }
        .into()),
        (Some(custom), None) => Ok(Some(custom.clone())),
        (None, Some(_)) => of_settings(settings).map(Some),
        (None, None) => Ok(None),
    }
}

/// What connections are secured with.
///
/// # Errors
///
/// As [`Protection::custom`].
pub(super) fn protection(custom: &CustomTls, settings: &Settings) -> Result<Protection, Error> {
    // The program may demand more than the settings, and never gets less.
    let custom = custom.clone().at_least(settings.config.tls_min_version().into());
    Protection::custom(&custom, settings.config.connection_timeout())
}

/// Each from its own setting, else from the directory.
fn of_settings(settings: &Settings) -> Result<CustomTls, Error> {
    let config = &settings.config;
    let directory = config.mtls_cert_dir();
    let identity = match (config.server_cert(), config.server_key(), directory) {
        (Some(certificate), Some(key), _) => Identity::load(certificate, key.expose())?,
        (_, _, Some(directory)) => of_directory(&CertDirectory::open(directory)?, settings)?,
        _ => return Err(half(settings, Setting::ServerCert)),
    };
    let roots = match (config.client_root_certs().or(config.ca_cert()), directory) {
        (Some(roots), _) => Roots::load(roots)?,
        (None, Some(directory)) => CertDirectory::open(directory)?.roots()?,
        (None, None) => return Err(half(settings, Setting::ClientRootCerts)),
    };
    Ok(CustomTls::new(identity, roots))
}

/// The directory's, made anew if there is none or it ends soon, and an authority is there to do it.
fn of_directory(directory: &CertDirectory, settings: &Settings) -> Result<Identity, Error> {
    let config = &settings.config;
    let first = IdentityParams::issued("rpcplugin plugin")
        .names([San::Dns("localhost".to_owned()), San::Ip(Ipv4Addr::LOCALHOST.into())])
        .key_type(settings.key_type());
    let (life, rotation) = (config.cert_validity_days(), config.cert_rotation_days());
    Ok(directory.issued(CertRole::Server, first, life, rotation)?)
}

/// Whoever has certificates of its own must say who may have issued its host's, and the reverse.
fn half(settings: &Settings, missing: Setting) -> Error {
    let present = certificates(settings).next();
    ConfigError::Settings {
        first: present.map(|one| shown(settings, one)).unwrap_or_default(),
        second: shown(settings, missing),
        reason: "a certificate of its own and those who issue its host's come together",
    }
    .into()
}

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rpcplugin::{
    Tls,
    client::Builder,
    tls::{CustomTls, Identity, Roots},
};

use super::target::Target;
use crate::failure::Failure;

/// How the connection is protected.
#[derive(Args, Debug)]
pub(super) struct Protection {
    /// How the connection is protected; otherwise as the settings say.
    #[arg(long, value_enum)]
    tls: Option<Kind>,
    /// This host's certificate, for mutual TLS with certificates of one's own; with --attach and
    /// without --tls-ca, that of the host before.
    #[arg(long, value_name = "FILE", requires = "tls_key", conflicts_with = "tls")]
    tls_cert: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The authorities that may have issued the plugin's certificate.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_ca: Option<PathBuf>,
    /// The name that the plugin's certificate must bear [default: localhost].
    #[arg(long, value_name = "NAME", requires = "tls_ca")]
    tls_name: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Kind {
    /// Mutual TLS with certificates that both sides make for this start.
    Auto,
    /// No TLS: for plugins that know none.
    Plaintext,
}

impl Protection {
    pub(super) fn apply(&self, builder: Builder, target: &Target) -> Result<Builder, Failure> {
        if let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) {
            let identity = Identity::load(cert.as_path(), key.as_path())?;
            return match (&self.tls_ca, target) {
                (Some(ca), _) => {
                    let mut tls = CustomTls::new(identity, Roots::load(ca.as_path())?);
                    if let Some(name) = &self.tls_name {
                        tls = tls.server_name(name);
                    }
                    Ok(builder.tls(Tls::Custom(tls)))
                }
                (None, Target::Attach(_)) => Ok(builder.host_identity(identity)),
                (None, _) => Err(Failure::usage(
                    "--tls-cert needs --tls-ca",
                    "it names the authorities that may have issued the plugin's certificate",
                )),
            };
        }
        Ok(match (self.tls, target) {
            (Some(Kind::Auto), _) => builder.tls(Tls::Auto),
            (Some(Kind::Plaintext), _) => builder.tls(Tls::Plaintext),
            // Plugins in test mode never serve TLS.
            (None, Target::Attach(record)) if record.test => builder.tls(Tls::Plaintext),
            (None, _) => builder,
        })
    }
}

//! Where certificates and keys are.

use std::path::{Path, PathBuf};

use clap::Args;
use rpcplugin::{Config, tls::CertDirectory};

use crate::failure::Failure;

/// The two files of a certificate and its key.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Pair {
    pub(super) fn within(directory: &Path, name: &str) -> Self {
        let file = |extension| directory.join(format!("{name}.{extension}"));
        Self { certificate: file("crt"), key: file("key") }
    }

    /// Refuses to replace either file.
    fn must_be_free(&self) -> Result<(), Failure> {
        let taken = [&self.certificate, &self.key]
            .into_iter()
            // A link that leads nowhere is something, too.
            .find(|file| file.symlink_metadata().is_ok());
        taken.map_or(Ok(()), |file| Err(Failure::Exists(file.clone())))
    }
}

/// Where to write.
#[derive(Args, Debug)]
pub(super) struct Target {
    /// The directory of certificates to write to [default: PLUGIN_MTLS_CERT_DIR].
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cert", "key"])]
    dir: Option<PathBuf>,
    /// The certificate's file, instead of one in a directory of certificates.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The key's file, beside --cert.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
}

impl Target {
    /// The directory that was named, if any.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        self.dir.clone()
    }

    /// The files to write: those named, or those of `name` in the directory, which is made.
    pub(super) fn pair(self, name: Option<&str>, settings: &Config) -> Result<Pair, Failure> {
        let pair = match (self.cert, self.key, name) {
            (Some(certificate), Some(key), _) => Pair { certificate, key },
            (_, _, Some(name)) => {
                let path = directory(self.dir, settings)?;
                Pair::within(CertDirectory::new(path)?.path(), name)
            }
            (_, _, None) => {
                return Err(Failure::usage(
                    "it is not said whose certificate it is",
                    "add host or server, or name the files with --cert and --key",
                ));
            }
        };
        if !self.force {
            pair.must_be_free()?;
        }
        Ok(pair)
    }
}

/// The directory of the argument or of the settings.
pub(super) fn directory(given: Option<PathBuf>, settings: &Config) -> Result<PathBuf, Failure> {
    given.or_else(|| settings.mtls_cert_dir().map(Path::to_owned)).ok_or_else(|| {
        Failure::usage(
            "no directory of certificates is named",
            "name it with --dir, or set PLUGIN_MTLS_CERT_DIR",
        )
    })
}

/// The same where something must be there already: nothing is made.
pub(super) fn existing(given: Option<PathBuf>, settings: &Config) -> Result<PathBuf, Failure> {
    let path = directory(given, settings)?;
    std::fs::read_dir(&path).map_err(Failure::reading(&path))?;
    Ok(path)
}

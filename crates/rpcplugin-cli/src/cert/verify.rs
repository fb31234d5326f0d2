use std::path::{Path, PathBuf};

use clap::Args;
use rpcplugin::{
    core::SecurityError,
    tls::{Certificate, Crls, Identity, Roots, San, Verification},
};
use serde_json::json;

use super::{
    params::{Role, UsageWord, san, settings},
    place::{self, Pair},
};
use crate::{
    failure::Failure,
    output::{Answer, BAD, GOOD, Output},
};

/// Say whether certificates are trusted, and why not: exit code 0 if all are, 1 if not.
///
/// Without files, those of host and server in the directory of certificates are checked, with
/// their keys.
#[derive(Args, Debug)]
pub(super) struct Verify {
    /// Files in PEM, each a certificate and those of its intermediate authorities.
    files: Vec<PathBuf>,
    /// The directory of certificates [default: PLUGIN_MTLS_CERT_DIR].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The roots to trust, instead of ca.crt in the directory of certificates.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Certificates that authorities have revoked.
    #[arg(long, value_name = "FILE")]
    crl: Option<PathBuf>,
    /// What it must be usable for.
    #[arg(long, value_enum, default_value = "both")]
    usage: UsageWord,
    /// The name that it must bear: a DNS name, an address, or with uri: before it a URI.
    #[arg(long, value_parser = san)]
    name: Option<San>,
    /// The key that must belong to the certificate, where one file is given.
    #[arg(long, value_name = "FILE", requires = "files")]
    key: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let roots = match &self.ca {
            Some(file) => Roots::load(file.as_path())?,
            None => Roots::load(self.directory()?.join("ca.crt"))?,
        };
        let crls = self.crl.as_deref().map(Crls::load).transpose()?;
        let results: Vec<_> = self
            .wanted()?
            .into_iter()
            .map(|(file, key)| {
                let checked = self.check(&file, key.as_deref(), &roots, crls.as_ref());
                (file, checked.err())
            })
            .collect();
        let json = || {
            let certificates = results.iter().map(|(file, error)| {
                json!({
                    "file": file.to_string_lossy(),
                    "trusted": error.is_none(),
                    "error": error.clone().map(|error| rpcplugin::Error::from(error).to_json()),
                })
            });
            json!({ "certificates": certificates.collect::<Vec<_>>() })
        };
        out.show(json, |f| {
            results.iter().try_for_each(|(file, error)| match error {
                None => writeln!(f, "{}: {GOOD}trusted{GOOD:#}", file.display()),
                Some(_) => writeln!(f, "{}: {BAD}not trusted{BAD:#}", file.display()),
            })
        })?;
        let errors: Vec<_> = results.iter().filter_map(|(_, error)| error.as_ref()).collect();
        errors.iter().for_each(|error| out.diagnose(*error));
        Ok(Answer::of(errors.is_empty()))
    }

    fn directory(&self) -> Result<PathBuf, Failure> {
        place::existing(self.dir.clone(), &settings()?)
    }

    /// The certificates to check, with the keys that must belong to them.
    fn wanted(&self) -> Result<Vec<(PathBuf, Option<PathBuf>)>, Failure> {
        match self.files.as_slice() {
            [] => {
                let directory = self.directory()?;
                let pairs = Role::ALL.map(|role| Pair::within(&directory, role.name()));
                let present = pairs.into_iter().filter(|pair| pair.certificate.exists());
                let wanted: Vec<_> =
                    present.map(|pair| (pair.certificate, Some(pair.key))).collect();
                match wanted.is_empty() {
                    true => Err(Failure::usage(
                        format!("{} holds neither host.crt nor server.crt", directory.display()),
                        "name the files to verify",
                    )),
                    false => Ok(wanted),
                }
            }
            [one] => Ok(vec![(one.clone(), self.key.clone())]),
            _ if self.key.is_some() => Err(Failure::usage(
                "one key belongs to one certificate, and several are named",
                "verify them one by one",
            )),
            several => Ok(several.iter().map(|file| (file.clone(), None)).collect()),
        }
    }

    fn check(
        &self,
        file: &Path,
        key: Option<&Path>,
        roots: &Roots,
        crls: Option<&Crls>,
    ) -> Result<(), SecurityError> {
        let chain = Certificate::load_chain(file)?;
        if let Some(key) = key {
            Identity::load(file, key)?;
        }
        let mut verification = Verification::new(roots).usage(self.usage.into());
        if let Some(crls) = crls {
            verification = verification.crls(crls);
        }
        if let Some(name) = &self.name {
            verification = verification.name(name);
        }
        verification.check(&chain)
    }
}

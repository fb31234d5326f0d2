//! Revocation lists that a manager follows.

use std::time::SystemTime;

use rpcplugin_core::SecurityError;
use sha2::{Digest as _, Sha256};

use crate::{
    Crls, PemSource,
    files::{Secrecy, invalid},
};

/// Where they are, and what was last found there.
pub(super) struct Lists {
    source: PemSource,
    digest: [u8; 32],
    /// Why the latest look failed, if it did.
    trouble: Option<String>,
    /// Whether somebody was told that they are out of date.
    told: bool,
}

impl Lists {
    /// Reads them for the first time. **Blocks** on the file.
    pub(super) fn load(source: PemSource, now: SystemTime) -> Result<(Self, Crls), SecurityError> {
        let (bytes, digest) = read(&source)?;
        let crls = Crls::from_pem(&bytes).map_err(|error| source.blame(error))?;
        // Loading them has warned of it.
        let told = crls.are_stale(now);
        Ok((Self { source, digest, trouble: None, told }, crls))
    }

    /// Reads them again; `None` if they are the same.
    pub(super) async fn look(&mut self, now: SystemTime) -> Result<Option<Crls>, SecurityError> {
        let (source, known) = (self.source.clone(), self.digest);
        let looking = tokio::task::spawn_blocking(move || {
            let (bytes, digest) = read(&source)?;
            if digest == known {
                return Ok(None);
            }
            let crls = Crls::from_pem(&bytes).map_err(|error| source.blame(error))?;
            Ok(Some((crls, digest)))
        });
        let found = looking
            .await
            .unwrap_or_else(|_| Err(invalid("the thread that reads it was stopped")))?;
        self.trouble = None;
        Ok(found.map(|(crls, digest)| {
            self.digest = digest;
            self.told = crls.are_stale(now);
            crls
        }))
    }

    /// Whether this failure is another one than that of the look before.
    pub(super) fn is_news(&mut self, error: &SecurityError) -> bool {
        let reason = error.to_string();
        self.trouble.replace(reason.clone()) != Some(reason)
    }

    /// Whether these, which are in use, have run out since somebody was told of them.
    pub(super) fn have_run_out(&mut self, crls: &Crls, now: SystemTime) -> bool {
        let run_out = !self.told && crls.are_stale(now);
        self.told |= run_out;
        run_out
    }
}

fn read(source: &PemSource) -> Result<(zeroize::Zeroizing<Vec<u8>>, [u8; 32]), SecurityError> {
    let bytes = source.read(Secrecy::Public)?;
    let digest = Sha256::digest(bytes.as_slice()).into();
    Ok((bytes, digest))
}

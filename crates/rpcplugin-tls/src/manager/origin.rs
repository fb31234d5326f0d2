//! Where a manager's certificates come from.

use std::time::SystemTime;

use rpcplugin_core::SecurityError;
use sha2::{Digest as _, Sha256};

use crate::{
    CertAuthority, CertInfo, Identity, IdentityParams, PemSource, Provider, Roots,
    files::{Secrecy, invalid},
};

#[derive(Clone)]
pub(super) enum Origin {
    Issued { authority: CertAuthority, params: IdentityParams, roots: Option<Roots> },
    Files(Files),
}

#[derive(Clone)]
pub(super) struct Files {
    pub(super) certificates: PemSource,
    pub(super) key: PemSource,
    pub(super) roots: PemSource,
    pub(super) provider: Provider,
}

/// What an origin has now.
pub(super) struct Found {
    pub(super) identity: Identity,
    pub(super) roots: Roots,
    pub(super) digest: Option<[u8; 32]>,
}

impl Origin {
    /// Gets a new certificate, or what the files hold; `None` if that is what is `known`. **Blocks**
    /// on the files.
    pub(super) fn get(
        &self,
        now: SystemTime,
        known: Option<[u8; 32]>,
    ) -> Result<Option<Found>, SecurityError> {
        match self {
            Self::Issued { authority, params, roots } => {
                let identity = authority.issue(&params.clone().at(now))?;
                let roots = match roots {
                    Some(roots) => roots.clone(),
                    None => authority.roots()?,
                };
                Ok(Some(Found { identity, roots, digest: None }))
            }
            Self::Files(files) => files.read(known),
        }
    }

    /// The last moment of what it issues; none for files.
    pub(super) fn end(&self) -> Option<SystemTime> {
        match self {
            Self::Issued { authority, .. } => Some(CertInfo::of(authority.certificate()).not_after),
            Self::Files(_) => None,
        }
    }

    /// Says in an error where the trouble is.
    pub(super) fn blame(&self, error: SecurityError) -> SecurityError {
        match self {
            Self::Issued { .. } => error,
            Self::Files(files) => files.certificates.blame(error),
        }
    }
}

impl Files {
    /// Reads all of them again, rather than their dates: two changes within one tick of a file
    /// system's clock look the same there, and a copy may keep the old date.
    fn read(&self, known: Option<[u8; 32]>) -> Result<Option<Found>, SecurityError> {
        let certificates = self.certificates.read(Secrecy::Public)?;
        let key = self.key.read(Secrecy::Secret)?;
        let roots = self.roots.read(Secrecy::Trusted)?;
        let mut digest = Sha256::new();
        for part in [&certificates, &key, &roots] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_slice());
        }
        let digest = Some(digest.finalize().into());
        if digest == known {
            return Ok(None);
        }
        let identity = Identity::from_pem_with(&certificates, &key, self.provider.clone())
            .map_err(|error| self.certificates.blame(error))?;
        let roots = Roots::from_pem(&roots).map_err(|error| self.roots.blame(error))?;
        Ok(Some(Found { identity, roots, digest }))
    }
}

/// Looks on a thread that may block.
pub(super) async fn get(
    origin: &Origin,
    now: SystemTime,
    known: Option<[u8; 32]>,
) -> Result<Option<Found>, SecurityError> {
    let origin = origin.clone();
    tokio::task::spawn_blocking(move || origin.get(now, known))
        .await
        .unwrap_or_else(|_| Err(invalid("the thread that reads it was stopped")))
}

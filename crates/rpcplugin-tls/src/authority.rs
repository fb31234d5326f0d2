use std::{fmt, path::Path, sync::Arc, time::SystemTime};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyUsagePurpose};
use rpcplugin_core::SecurityError;

use crate::{
    Certificate, DAY, Identity, IdentityParams, PemSource, Provider, Roots,
    files::{self, Secrecy, invalid},
    identity::issue::{self, Signer},
    key::PrivateKey,
};

mod itself;
mod params;

use self::itself::Itself;
pub use self::params::AuthorityParams;

/// An authority that issues certificates for hosts and plugins: a root, or an intermediate under
/// another.
///
/// What it issues has a random serial number of 127 bits, says whose key signed it, and outlives
/// no authority above it: a life that is too long is cut. Its key is wiped when the last clone is
/// dropped.
///
/// # Example
///
/// ```
/// use rpcplugin_tls::{AuthorityParams, CertAuthority, CustomTls, IdentityParams, San};
///
/// let root = CertAuthority::create(&AuthorityParams::new("kv root"))?;
/// let issuing = root.intermediate(&AuthorityParams::new("kv issuing 1").validity_days(365))?;
///
/// let plugin = issuing.issue(
///     &IdentityParams::issued("kv-plugin").names([San::Dns("kv.internal".into())]),
/// )?;
/// let host = issuing.issue(&IdentityParams::issued("kv-host"))?;
///
/// let hosts_side = CustomTls::new(host, root.roots()?).server_name("kv.internal");
/// let plugins_side = CustomTls::new(plugin, root.roots()?);
/// # Ok::<(), rpcplugin_core::SecurityError>(())
/// ```
#[derive(Clone)]
pub struct CertAuthority {
    /// Its own certificate, then those above it, as far as they are known.
    chain: Arc<[Certificate]>,
    key: Arc<PrivateKey>,
    provider: Provider,
}

impl CertAuthority {
    /// Whether it stands at the top.
    pub(crate) fn is_root(&self) -> bool {
        itself::is_root(self.certificate())
    }

    /// Makes a root: a new key, and a certificate for it that it signs itself.
    ///
    /// # Errors
    ///
    /// As [`Identity::generate`].
    pub fn create(params: &AuthorityParams) -> Result<Self, SecurityError> {
        let (key, signer) = new_key(params)?;
        let template = template(params, &signer)?;
        let made = template.self_signed(&signer).map_err(failed)?;
        Self::new(vec![Certificate::from_der(made.der())?], key, params.provider.clone())
    }

    /// Makes an authority under this one.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if this one must have none below it or has expired, and as
    /// [`create`](Self::create).
    pub fn intermediate(&self, params: &AuthorityParams) -> Result<Self, SecurityError> {
        let itself = Itself::read(&self.chain[0])?;
        let path_length = match (itself.path_length, params.path_length) {
            (Some(0), _) => {
                return Err(invalid("its path length allows no authority below this one"));
            }
            (Some(above), Some(wanted)) => Some(wanted.min(above - 1)),
            (Some(above), None) => Some(above - 1),
            (None, wanted) => wanted,
        };
        let params = AuthorityParams { path_length, ..params.clone() };
        let (key, signer) = new_key(&params)?;
        let made = self.sign(template(&params, &signer)?, &signer, &itself, SystemTime::now())?;
        let mut chain = vec![made];
        chain.extend(self.chain.iter().cloned());
        Self::new(chain, key, params.provider.clone())
    }

    /// Issues a certificate for a new key.
    ///
    /// [`IdentityParams::issued`] is the place to start from.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if the authority has expired or is not valid yet, and as
    /// [`Identity::generate`].
    pub fn issue(&self, params: &IdentityParams) -> Result<Identity, SecurityError> {
        let provider = params.chosen_provider().clone();
        let key = PrivateKey::generate(params.chosen_key_type(), &provider)?;
        let signer = Signer::new(key.load(&provider)?)?;
        let itself = Itself::read(&self.chain[0])?;
        let made = self.sign(issue::template(params, &signer)?, &signer, &itself, params.now())?;
        let between = self.chain.iter().filter(|above| !itself::is_root(above));
        let between = between.map(|above| above.as_rustls().clone()).collect();
        Ok(Identity::issued(made, between, key, provider))
    }

    fn sign(
        &self,
        mut template: CertificateParams,
        subject: &Signer,
        itself: &Itself,
        now: SystemTime,
    ) -> Result<Certificate, SecurityError> {
        // Of the life that was asked for, some lies in the past, and says nothing about now.
        if now < itself.not_before || now >= itself.not_after {
            return Err(outside_its_validity());
        }
        template.not_before = template.not_before.max(itself.not_before);
        template.not_after = template.not_after.min(itself.not_after);
        if template.not_after <= template.not_before {
            return Err(outside_its_validity());
        }
        template.use_authority_key_identifier_extension = true;
        let signer = Signer::new(self.key.load(&self.provider)?)?;
        let mut issuer = CertificateParams::default();
        issuer.distinguished_name = itself.subject.clone();
        issuer.key_identifier_method = match &itself.key_identifier {
            Some(identifier) => rcgen::KeyIdMethod::PreSpecified(identifier.clone()),
            None => signer.identifier(),
        };
        issuer.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let made = template.signed_by(subject, &Issuer::new(issuer, signer)).map_err(failed)?;
        let made = Certificate::from_der(made.der())?;
        itself::issued_by(&made, &self.chain[0])?;
        Ok(made)
    }

    /// Its own certificate.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    /// Its own certificate and those above it, as PEM: what [`load`](Self::load) reads.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(Certificate::to_pem).collect()
    }

    /// Trust in whatever is issued under the roots that are known here: its own, and that of its
    /// predecessor. Without any, the topmost authority.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if TLS cannot use its certificate.
    pub fn roots(&self) -> Result<Roots, SecurityError> {
        let roots: Vec<_> = self.chain.iter().filter(|above| itself::is_root(above)).collect();
        if roots.is_empty() { Roots::of(self.chain.last()) } else { Roots::of(roots) }
    }

    /// Reads an authority's certificate, those above it, and its key. Both may be the same text.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if either is missing or unreadable, if the two do not belong
    /// together, if one of the certificates is none of an authority that may sign certificates, or
    /// was not issued by the next (behind a root, other roots may follow), or if the first one's
    /// subject has parts of a kind that cannot be written here.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, SecurityError> {
        let chain = Certificate::chain_from_pem(certificates)?;
        Self::new(chain, PrivateKey::from_pem(key)?, Provider::default())
    }

    /// Reads an authority from files, or from text. **Blocks** on the files.
    ///
    /// # Errors
    ///
    /// `SECURITY_FILE_PERMISSIONS` if others can read the key's file; `SECURITY_CERT_INVALID` if
    /// one cannot be read, and as [`from_pem`](Self::from_pem).
    pub fn load(
        certificates: impl Into<PemSource>,
        key: impl Into<PemSource>,
    ) -> Result<Self, SecurityError> {
        let (certificates, key) = (certificates.into(), key.into());
        let chain = certificates.read(Secrecy::Public)?;
        let secret = key.read(Secrecy::Secret)?;
        Self::from_pem(&chain, &secret).map_err(|error| certificates.blame(error))
    }

    /// Writes certificates and key to two files, as [`Identity::save`] does.
    ///
    /// # Errors
    ///
    /// As [`Identity::save`].
    pub fn save(
        &self,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<(), SecurityError> {
        files::replace_pair(
            (key.as_ref(), self.key.to_pem().as_bytes()),
            (certificates.as_ref(), self.chain_pem().as_bytes()),
        )
    }

    /// The same, which trusts a predecessor's certificate beside its own.
    pub(crate) fn followed_by(mut self, predecessor: &Certificate) -> Self {
        self.chain = self.chain.iter().chain([predecessor]).cloned().collect();
        self
    }

    fn new(
        chain: Vec<Certificate>,
        key: PrivateKey,
        provider: Provider,
    ) -> Result<Self, SecurityError> {
        // Whatever it lacks is better known now than when it must issue.
        Itself::read(&chain[0])?;
        itself::linked(&chain)?;
        let authority = Self { chain: chain.into(), key: Arc::new(key), provider };
        let pair = Identity::issued(
            authority.chain[0].clone(),
            Arc::default(),
            PrivateKey::copy(&authority.key),
            authority.provider.clone(),
        );
        pair.certified()?;
        Ok(authority)
    }
}

impl fmt::Debug for CertAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertAuthority").field("chain", &self.chain).finish_non_exhaustive()
    }
}

fn new_key(params: &AuthorityParams) -> Result<(PrivateKey, Signer), SecurityError> {
    let key = PrivateKey::generate(params.key_type, &params.provider)?;
    let signer = Signer::new(key.load(&params.provider)?)?;
    Ok((key, signer))
}

fn template(params: &AuthorityParams, key: &Signer) -> Result<CertificateParams, SecurityError> {
    let mut template = CertificateParams::default();
    template.distinguished_name = issue::subject(&params.organization, &params.common_name);
    (template.not_before, template.not_after) =
        issue::dates(SystemTime::now(), DAY, params.lifetime)?;
    template.serial_number = Some(issue::serial(&params.provider)?);
    template.is_ca = IsCa::Ca(match params.path_length {
        Some(length) => BasicConstraints::Constrained(length),
        None => BasicConstraints::Unconstrained,
    });
    template.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    template.key_identifier_method = key.identifier();
    Ok(template)
}

fn outside_its_validity() -> SecurityError {
    invalid("the authority has expired, or is not valid yet")
}

fn failed(error: rcgen::Error) -> SecurityError {
    issue::keygen(error.to_string())
}

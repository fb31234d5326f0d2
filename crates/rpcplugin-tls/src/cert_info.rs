use std::{
    fmt,
    time::{Duration, SystemTime},
};

use rpcplugin_core::{SecurityError, escape_text};
use serde_json::json;

use crate::{Certificate, Fingerprint, San, files::invalid};

mod date;
mod read;

pub(crate) use self::date::utc;

/// What stands in a certificate, for a person or a program to read; nothing is judged.
///
/// `Display` shows it in lines, [`to_json`](Self::to_json) as an object. Text that whoever made
/// the certificate chose is escaped in all of it, and stays short.
///
/// # Example
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use rpcplugin_tls::{CertInfo, Identity, IdentityParams};
///
/// let identity = Identity::generate(&IdentityParams::new().validity_days(30))?;
/// let info = CertInfo::of(identity.certificate());
/// assert_eq!(info.subject, "O=rpcplugin, CN=localhost");
/// assert_eq!((info.key_type.as_str(), info.key_bits), ("P-256", 256));
/// assert!(!info.is_authority);
///
/// let left = info.time_left(SystemTime::now()).expect("it is new");
/// assert!(left > Duration::from_secs(29 * 24 * 60 * 60));
/// # Ok::<(), rpcplugin_core::SecurityError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CertInfo {
    /// The subject, such as `O=rpcplugin, CN=localhost`; escaped.
    pub subject: String,
    /// Who issued it; escaped.
    pub issuer: String,
    /// The serial number, in lower-case hexadecimal.
    pub serial: String,
    /// The names that it is for, as they stand there: **not** escaped.
    pub names: Vec<San>,
    /// The first moment at which it is valid.
    pub not_before: SystemTime,
    /// The last moment at which it is valid.
    pub not_after: SystemTime,
    /// SHA-256 over the whole certificate.
    pub fingerprint: Fingerprint,
    /// The kind of key: `P-256`, `P-384`, `P-521`, `Ed25519`, `RSA`, or an object identifier.
    pub key_type: String,
    /// The size of the key in bits; 0 for a kind that is not known here.
    pub key_bits: u32,
    /// Whether it may issue certificates.
    pub is_authority: bool,
    /// How many authorities may follow it in a chain, if it says so.
    pub path_length: Option<u32>,
    /// What it may be used for: `server`, `client`, other words, or object identifiers; anything,
    /// if it is empty.
    pub usages: Vec<String>,
}

impl CertInfo {
    /// What stands in this certificate.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        Self::from_der(certificate.der()).expect("a certificate was parsed when it was made")
    }

    /// Reads the first certificate in the PEM, whatever its key.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if there is none, or if it is unreadable.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SecurityError> {
        use rustls_pki_types::{CertificateDer, pem::PemObject as _};
        let der = CertificateDer::from_pem_slice(pem)
            .map_err(|error| crate::key::unreadable("certificate", &error))?;
        Self::from_der(&der)
    }

    /// Reads every certificate in the PEM, whatever their keys.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if there is none, or if one is unreadable.
    pub fn chain_from_pem(pem: &[u8]) -> Result<Vec<Self>, SecurityError> {
        use rustls_pki_types::{CertificateDer, pem, pem::PemObject as _};
        let mut chain = Vec::new();
        for der in CertificateDer::pem_slice_iter(pem) {
            let der = der.map_err(|error| crate::key::unreadable("certificate", &error))?;
            chain.push(Self::from_der(&der)?);
        }
        if chain.is_empty() {
            return Err(crate::key::unreadable("certificate", &pem::Error::NoItemsFound));
        }
        Ok(chain)
    }

    /// Reads DER that holds exactly one certificate, whatever its key.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` if it is anything else.
    pub fn from_der(der: &[u8]) -> Result<Self, SecurityError> {
        read::read(der).ok_or_else(|| invalid("not an X.509 certificate in DER"))
    }

    /// How long it stays valid; `None` if it has expired.
    #[must_use]
    pub fn time_left(&self, now: SystemTime) -> Option<Duration> {
        self.not_after.duration_since(now).ok()
    }

    /// Whether no more than this many days of its validity are left at this moment.
    #[must_use]
    pub fn ends_within(&self, days: u32, now: SystemTime) -> bool {
        self.time_left(now).is_none_or(|left| left <= days * crate::DAY)
    }

    /// Whether it is time to renew it: at this moment it has no more than `rotation_days` left. If
    /// its successor, with `validity_days`, will live no longer than that either, it is time in the
    /// last third of such a life, and not always.
    #[must_use]
    pub fn is_due(&self, rotation_days: u32, validity_days: u32, now: SystemTime) -> bool {
        let short = validity_days <= rotation_days;
        self.ends_within(if short { validity_days / 3 } else { rotation_days }, now)
    }

    /// Whether this moment lies within its validity.
    #[must_use]
    pub fn is_valid_at(&self, time: SystemTime) -> bool {
        (self.not_before..=self.not_after).contains(&time)
    }

    /// All of it as a JSON object. Dates are in the form `2031-04-05T06:07:08Z`, names in that of
    /// [`San`]'s `Display`, escaped.
    #[must_use]
    pub fn to_json(&self) -> String {
        let object = json!({
            "subject": self.subject,
            "issuer": self.issuer,
            "serial": self.serial,
            "names": self.shown_names(),
            "not_before": utc(self.not_before),
            "not_after": utc(self.not_after),
            "fingerprint_sha256": self.fingerprint.to_string(),
            "key_type": self.key_type,
            "key_bits": self.key_bits,
            "is_authority": self.is_authority,
            "path_length": self.path_length,
            "usages": self.usages,
        });
        format!("{object:#}")
    }

    fn shown_names(&self) -> Vec<String> {
        self.names.iter().map(|name| read::short(&escape_text(&name.to_string()))).collect()
    }
}

impl fmt::Display for CertInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |list: &[String], none: &str| match list {
            [] => none.to_owned(),
            list => list.join(", "),
        };
        writeln!(f, "subject:     {}", self.subject)?;
        writeln!(f, "issuer:      {}", self.issuer)?;
        writeln!(f, "serial:      {}", self.serial)?;
        writeln!(f, "names:       {}", or_none(&self.shown_names(), "none"))?;
        writeln!(f, "not before:  {}", utc(self.not_before))?;
        writeln!(f, "not after:   {}", utc(self.not_after))?;
        writeln!(f, "key:         {}, {} bits", self.key_type, self.key_bits)?;
        let role = if self.is_authority { "authority" } else { "no authority" };
        match self.path_length {
            Some(length) => writeln!(f, "role:        {role}, path length {length}")?,
            None => writeln!(f, "role:        {role}")?,
        }
        writeln!(f, "usages:      {}", or_none(&self.usages, "any"))?;
        write!(f, "SHA-256:     {}", self.fingerprint)
    }
}

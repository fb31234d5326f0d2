//! What the successor of a certificate says.

use rpcplugin_core::SecurityError;
use x509_parser::x509::X509Name;

use crate::{
    AuthorityParams, CertAuthority, CertInfo, Certificate, IdentityParams, KeyType, Usage,
    files::invalid, x509,
};

impl IdentityParams {
    /// For the successor of this certificate: the same subject, names, usage and kind of key, for
    /// a year.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` for a kind of key that is not made here, such as RSA, and for a
    /// subject without a common name.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_tls::{AuthorityParams, CertAuthority, CertInfo, IdentityParams};
    ///
    /// let root = CertAuthority::create(&AuthorityParams::new("kv root"))?;
    /// let old = root.issue(&IdentityParams::issued("kv-plugin").validity_days(1))?;
    /// let new = root.issue(&IdentityParams::renewing(old.certificate())?)?;
    ///
    /// let [old, new] = [old, new].map(|identity| CertInfo::of(identity.certificate()));
    /// assert_eq!((old.subject, old.names), (new.subject, new.names));
    /// # Ok::<(), rpcplugin_core::SecurityError>(())
    /// ```
    pub fn renewing(certificate: &Certificate) -> Result<Self, SecurityError> {
        let info = CertInfo::of(certificate);
        let (organization, common_name) = subject(certificate)?;
        let is = |usage: &str| info.usages.iter().any(|one| one == usage || one == "any");
        let usage = match (is("server"), is("client")) {
            (true, false) => Usage::Server,
            (false, true) => Usage::Client,
            _ => Usage::Both,
        };
        Ok(Self::issued(common_name)
            .organization(organization)
            .names(info.names.clone())
            .usage(usage)
            .key_type(key_type(&info)?))
    }
}

impl AuthorityParams {
    /// For the successor of this authority's certificate: the same subject, path length and kind
    /// of key, for ten years.
    ///
    /// # Errors
    ///
    /// As [`IdentityParams::renewing`].
    pub fn renewing(certificate: &Certificate) -> Result<Self, SecurityError> {
        let info = CertInfo::of(certificate);
        let (organization, common_name) = subject(certificate)?;
        let params = Self::new(common_name).organization(organization).key_type(key_type(&info)?);
        Ok(match info.path_length {
            Some(length) => params.path_length(u8::try_from(length).unwrap_or(u8::MAX)),
            None => params,
        })
    }
}

impl CertAuthority {
    /// A root in the place of this one, with a new key: the same subject, path length and kind
    /// of key.
    ///
    /// Its [`chain_pem`](Self::chain_pem) and [`roots`](Self::roots) hold this one's certificate
    /// too, so that what this one issued stays trusted while its successors are handed out.
    /// Of those before this one nothing is kept.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_INVALID` for an intermediate authority, whose successor another issues, and
    /// as [`AuthorityParams::renewing`]; `SECURITY_KEYGEN`.
    pub fn successor(&self, validity_days: u32) -> Result<Self, SecurityError> {
        if !self.is_root() {
            return Err(invalid("an intermediate authority is renewed by the one above it"));
        }
        let params = AuthorityParams::renewing(self.certificate())?;
        Ok(Self::create(&params.validity_days(validity_days))?.followed_by(self.certificate()))
    }
}

/// Organization and common name, which is all that is written here.
fn subject(certificate: &Certificate) -> Result<(String, String), SecurityError> {
    let parsed =
        x509::parse(certificate.der()).ok_or_else(|| invalid("not an X.509 certificate in DER"))?;
    let subject: &X509Name<'_> = parsed.subject();
    let text = |part: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>| {
        part.and_then(|part| part.as_str().ok()).map(str::to_owned)
    };
    let organization = text(subject.iter_organization().next()).unwrap_or_default();
    let common_name = text(subject.iter_common_name().next())
        .ok_or_else(|| invalid("its subject has no common name"))?;
    Ok((organization, common_name))
}

fn key_type(info: &CertInfo) -> Result<KeyType, SecurityError> {
    match info.key_type.as_str() {
        "P-256" => Ok(KeyType::P256),
        "P-384" => Ok(KeyType::P384),
        "P-521" => Ok(KeyType::P521),
        "Ed25519" => Ok(KeyType::Ed25519),
        other => Err(invalid(format!("keys of the kind {other} are not made here"))),
    }
}

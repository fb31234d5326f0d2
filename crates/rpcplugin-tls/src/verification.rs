use std::time::SystemTime;

use rpcplugin_core::SecurityError;
use rustls::{
    CertificateError, Error, client::danger::ServerCertVerifier as _, server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::{
    Certificate, Crls, Provider, Roots, San, Usage,
    files::invalid,
    trust::{of_clients, of_servers, untrusted},
};

/// A check of a chain of certificates, as a host or a plugin makes it, with a reason.
///
/// # Example
///
/// ```
/// use rpcplugin_tls::{
///     AuthorityParams, CertAuthority, Certificate, IdentityParams, San, Usage, Verification,
/// };
///
/// let authority = CertAuthority::create(&AuthorityParams::new("root"))?;
/// let plugin = authority.issue(&IdentityParams::issued("kv-plugin"))?;
/// let chain = Certificate::chain_from_pem(plugin.chain_pem().as_bytes())?;
///
/// let roots = authority.roots()?;
/// let localhost = San::Dns("localhost".into());
/// Verification::new(&roots).usage(Usage::Server).name(&localhost).check(&chain)?;
///
/// let stranger = CertAuthority::create(&AuthorityParams::new("another root"))?;
/// let error = Verification::new(&stranger.roots()?).check(&chain).unwrap_err();
/// assert_eq!(error.code(), "SECURITY_CERT_UNTRUSTED");
/// # Ok::<(), rpcplugin_core::SecurityError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Verification<'a> {
    roots: &'a Roots,
    crls: Option<&'a Crls>,
    usage: Usage,
    name: Option<&'a San>,
    at: Option<SystemTime>,
}

impl<'a> Verification<'a> {
    /// Whether a chain leads to one of the roots, now, for either end of a connection.
    pub fn new(roots: &'a Roots) -> Self {
        Self { roots, crls: None, usage: Usage::Both, name: None, at: None }
    }

    /// Revocation lists: none.
    pub fn crls(mut self, crls: &'a Crls) -> Self {
        self.crls = Some(crls);
        self
    }

    /// What the certificate must be usable for: both ends of a connection.
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// The name that it must bear, DNS name or address: any.
    pub fn name(mut self, name: &'a San) -> Self {
        self.name = Some(name);
        self
    }

    /// The time at which it must be valid: now.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.at = Some(time);
        self
    }

    /// Checks a certificate, followed by those of its intermediate authorities.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_UNTRUSTED` if it leads to no root, bears another name, is for another
    /// purpose, or was revoked; `SECURITY_CERT_EXPIRED` if one of the chain is outside its
    /// validity; `SECURITY_CERT_INVALID` if the chain is empty, or one of it is unreadable.
    pub fn check(&self, chain: &[Certificate]) -> Result<(), SecurityError> {
        let (leaf, above) = chain.split_first().ok_or_else(|| invalid("no certificate"))?;
        let above: Vec<_> = above.iter().map(|above| above.as_rustls().clone()).collect();
        let since = self.at.unwrap_or_else(SystemTime::now).duration_since(SystemTime::UNIX_EPOCH);
        let now = UnixTime::since_unix_epoch(since.unwrap_or_default());
        if matches!(self.usage, Usage::Both | Usage::Server) {
            self.as_server(leaf.as_rustls(), &above, now)?;
        }
        if matches!(self.usage, Usage::Both | Usage::Client) {
            self.as_client(leaf.as_rustls(), &above, now)?;
        }
        match self.name {
            Some(name) => bears(leaf.as_rustls(), name),
            None => Ok(()),
        }
    }

    fn as_server(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), SecurityError> {
        let verifier = of_servers(self.roots, self.crls, Provider::default().crypto())?;
        // The name is the last thing that it looks at, and is checked apart.
        let name = ServerName::try_from("localhost").expect("localhost is a DNS name");
        match verifier.verify_server_cert(leaf, above, &name, &[], now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ))
            | Ok(_) => Ok(()),
            Err(error) => Err(explained(&error)),
        }
    }

    fn as_client(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), SecurityError> {
        let verifier = of_clients(self.roots, self.crls, Provider::default().crypto())?;
        verifier.verify_client_cert(leaf, above, now).map_err(|error| explained(&error))?;
        Ok(())
    }
}

fn bears(leaf: &CertificateDer<'_>, name: &San) -> Result<(), SecurityError> {
    let wanted = match name {
        San::Dns(name) => ServerName::try_from(name.as_str())
            .map_err(|_| invalid(format!("no DNS name: {}", rpcplugin_core::escape_text(name))))?,
        San::Ip(address) => ServerName::from(*address),
        San::Uri(_) => {
            return if crate::x509::names(leaf).contains(name) {
                Ok(())
            } else {
                Err(SecurityError::CertUntrusted { reason: "it does not bear that URI".into() })
            };
        }
    };
    let parsed = ParsedCertificate::try_from(leaf).map_err(|error| explained(&error))?;
    rustls::client::verify_server_name(&parsed, &wanted).map_err(|error| explained(&error))
}

fn explained(error: &Error) -> SecurityError {
    match error {
        Error::InvalidCertificate(CertificateError::BadEncoding) => {
            invalid("one of the chain is unreadable")
        }
        Error::InvalidCertificate(error) => untrusted(error),
        error => invalid(crate::failure::shown(error)),
    }
}

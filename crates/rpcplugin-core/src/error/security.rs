use std::path::PathBuf;

use super::{Facts, diagnosis, fatal, retryable};

/// A security condition is not met. Nothing was sent, or the call was refused; never a warning.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecurityError {
    /// TLS is demanded and there is nothing to do it with.
    #[error("TLS is required, and there are no certificates for it")]
    TlsRequired,
    /// TLS is demanded of a build without it.
    #[error("TLS is asked for, and this build has none")]
    TlsNotBuilt,
    /// One layer of the configuration demands protection that another drops.
    #[error("{weak} lowers the protection that {demand} asks for")]
    ConfigConflict {
        /// The setting that drops it, with value and source.
        weak: String,
        /// What asks for it, with value and source.
        demand: String,
    },
    /// More than one thing is wrong with a configuration.
    #[error("{} problems: {}", problems.len(), super::config::list(problems))]
    Several {
        /// All of them. The first one gives the code.
        problems: Vec<SecurityError>,
    },
    /// The peer announced no certificate.
    #[error("the plugin announced no certificate, and mutual TLS needs one")]
    CertMissing,
    /// The peer's certificate, or one given by the caller, is unreadable or unusable.
    #[error("certificate cannot be used: {reason}")]
    CertInvalid {
        /// What is wrong with it.
        reason: String,
    },
    /// Plugin side: the host's certificate is unreadable or unusable.
    #[error("the host's certificate in PLUGIN_CLIENT_CERT cannot be used: {reason}")]
    ClientCertInvalid {
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate was announced to a host that uses plaintext.
    #[error("the plugin announced a certificate, and this host uses plaintext")]
    CertUnexpected,
    /// The peer's certificate does not lead to a root that the operator trusts.
    #[error("peer's certificate is not trusted: {reason}")]
    CertUntrusted {
        /// Which check failed.
        reason: String,
    },
    /// The peer's certificate is outside its validity.
    #[error("peer's certificate is outside its validity: {reason}")]
    CertExpired {
        /// The time now, and the dates.
        reason: String,
    },
    /// The peer shows another certificate than the one announced.
    #[error("peer shows certificate {found}, announced was {expected}")]
    PinMismatch {
        /// SHA-256 fingerprint of the announced certificate.
        expected: String,
        /// SHA-256 fingerprint of the one presented.
        found: String,
    },
    /// The peer does not hold the key of its certificate.
    #[error("peer does not hold the key of certificate {fingerprint}")]
    BadSignature {
        /// SHA-256 fingerprint of the certificate.
        fingerprint: String,
    },
    /// The peer speaks plaintext where TLS was agreed.
    #[error("peer does not speak TLS: {detail}")]
    NotTls {
        /// What it did instead.
        detail: String,
    },
    /// Any other failure of the TLS handshake.
    #[error("TLS handshake failed: {detail}")]
    TlsHandshake {
        /// The alert, or what the TLS library says.
        detail: String,
    },
    /// Plugin side: a peer without an accepted certificate was turned away. Host side: we were.
    #[error("peer was refused: {detail}")]
    ClientRefused {
        /// Why, and who it was.
        detail: String,
    },
    /// A key or certificate could not be made.
    #[error("could not make a key and certificate: {reason}")]
    Keygen {
        /// The provider's reason.
        reason: String,
    },
    /// A certificate could not be renewed or read again. The one before it stays in use.
    #[error("certificate could not be renewed, the old one {}: {reason}", left(*days_left))]
    RotationFailed {
        /// What failed.
        reason: String,
        /// Whole days of validity that the old certificate has left; negative if it has expired.
        days_left: i64,
    },
    /// The address lies outside what the host allows.
    #[error("address {address} is not allowed: {reason}")]
    AddressForbidden {
        /// The address.
        address: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// The process behind the socket is not the expected one.
    #[error("{address} belongs to another process: {detail}")]
    PeerCredentials {
        /// The address.
        address: String,
        /// Expected and found user and process.
        detail: String,
    },
    /// The process of a reattach record does not own the socket.
    #[error("process {recorded} does not own {address}: {detail}")]
    ReattachPidMismatch {
        /// The process id in the record.
        recorded: u32,
        /// The address.
        address: String,
        /// Who does.
        detail: String,
    },
    /// A reattach record is of another process, or of another start of the system.
    #[error("the reattach record is out of date: {detail}")]
    ReattachStale {
        /// Both identities.
        detail: String,
    },
    /// TLS is demanded of a plugin to reattach to, and half of it is missing.
    #[error("reattaching needs TLS, and {missing}")]
    ReattachNeedsTls {
        /// What is missing.
        missing: &'static str,
    },
    /// The executable is not one of those that may start. It was not started.
    #[error("{} has the {algorithm} digest {found}, expected {expected}", path.display())]
    ChecksumMismatch {
        /// The executable.
        path: PathBuf,
        /// The hash function.
        algorithm: &'static str,
        /// What the caller allows.
        expected: String,
        /// What was found.
        found: String,
    },
    /// Others can change the executable, or put another in its place: it was not started. Or
    /// others can read or replace a key: it was not used.
    #[error("{} cannot be trusted: {reason}", path.display())]
    FilePermissions {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it, with owner and mode.
        reason: String,
    },
    /// A requested restriction cannot be applied here.
    #[error("isolation cannot be applied: {detail}")]
    IsolationFailed {
        /// What this system lacks.
        detail: String,
    },
}

impl SecurityError {
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::TlsRequired => fatal(
                "SECURITY_TLS_REQUIRED",
                "use Tls::Auto where a host starts the plugin, else Tls::Custom on both sides; without TLS a plugin is reached within one machine only, by Tls::Plaintext on the host and without require_tls()",
            ),
            Self::TlsNotBuilt => fatal(
                "SECURITY_TLS_NOT_BUILT",
                "enable the feature \"tls\", or choose Tls::Plaintext on the host on purpose",
            ),
            Self::ConfigConflict { .. } => fatal(
                "SECURITY_CONFIG_CONFLICT",
                "environment and files may raise the protection that the program chose, never lower it; drop one of the two",
            ),
            Self::Several { problems } => {
                let code = problems.first().map_or("SECURITY_CONFIG_CONFLICT", Self::code);
                fatal(code, "correct all that is listed")
            }
            Self::CertMissing => fatal(
                "SECURITY_CERT_MISSING",
                "does the plugin know automatic mutual TLS? choose Tls::Plaintext on purpose if not",
            ),
            Self::CertInvalid { .. } => fatal(
                "SECURITY_CERT_INVALID",
                "one X.509 certificate is expected, with a P-256, P-384, P-521, Ed25519 or RSA key of at least 2048 bits",
            ),
            Self::ClientCertInvalid { .. } => fatal(
                "SECURITY_CLIENT_CERT_INVALID",
                "the host sets PLUGIN_CLIENT_CERT to exactly one PEM certificate; unset it when starting by hand",
            ),
            Self::CertUnexpected => fatal("SECURITY_CERT_UNEXPECTED", "use Tls::Auto on the host"),
            Self::CertUntrusted { .. } => fatal(
                "SECURITY_CERT_UNTRUSTED",
                "the chain must end in one of the roots, and the certificate must bear the server name",
            ),
            Self::CertExpired { .. } => fatal(
                "SECURITY_CERT_EXPIRED",
                "renew the certificate (`rpcplugin cert rotate`), or set the clock",
            ),
            Self::PinMismatch { .. } => fatal(
                "SECURITY_PIN_MISMATCH",
                "another process answers at this address, or the plugin mixed its certificates up",
            ),
            Self::BadSignature { .. } => fatal(
                "SECURITY_BAD_SIGNATURE",
                "somebody presents a copy of the certificate without its key",
            ),
            Self::NotTls { .. } => fatal(
                "SECURITY_NOT_TLS",
                "the plugin announced a certificate and must serve TLS with it",
            ),
            Self::TlsHandshake { .. } => fatal(
                "SECURITY_TLS_HANDSHAKE",
                "both sides need TLS 1.2 or 1.3, a common signature scheme, and ALPN h2",
            ),
            Self::ClientRefused { .. } => fatal(
                "SECURITY_CLIENT_REFUSED",
                "only the host that started the plugin holds the certificate it accepts",
            ),
            Self::Keygen { .. } => {
                retryable("SECURITY_KEYGEN", "the system may lack random numbers")
            }
            Self::RotationFailed { .. } => retryable(
                "SECURITY_ROTATION_FAILED",
                "the old certificate stays in use; set right what failed before it expires",
            ),
            Self::AddressForbidden { .. } => fatal(
                "SECURITY_ADDRESS_FORBIDDEN",
                "plugins listen on loopback or in the directory that the host gave; allow_address_outside() widens that",
            ),
            Self::PeerCredentials { .. } => fatal(
                "SECURITY_PEER_CREDENTIALS",
                "the listener must be the plugin or its descendant, of the same user",
            ),
            Self::ReattachPidMismatch { .. } => fatal(
                "SECURITY_REATTACH_PID_MISMATCH",
                "the record mixes up two plugins; take a new one, or start a new plugin",
            ),
            Self::ReattachStale { .. } => {
                fatal("SECURITY_REATTACH_STALE", "that plugin has ended; start a new one")
            }
            Self::ReattachNeedsTls { .. } => fatal(
                "SECURITY_REATTACH_NEEDS_TLS",
                "hand over the host's identity with the record, or choose Tls::Plaintext for a plugin without TLS",
            ),
            Self::ChecksumMismatch { .. } => fatal(
                "SECURITY_CHECKSUM_MISMATCH",
                "install the expected executable, or add its digest to the list",
            ),
            Self::FilePermissions { .. } => fatal(
                "SECURITY_FILE_PERMISSIONS",
                "it must belong to this user or root, be writable by no one else (a key: not even readable), and, if it is executed, be reached through no symbolic link",
            ),
            Self::IsolationFailed { .. } => fatal(
                "SECURITY_ISOLATION_FAILED",
                "drop the restriction, or run where the system supports it",
            ),
        }
    }
}

fn left(days: i64) -> String {
    match days {
        1 => "has 1 day left".to_owned(),
        days if days < 0 => "has expired".to_owned(),
        days => format!("has {days} days left"),
    }
}

diagnosis!(SecurityError {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        let Self::Several { problems } = self else { return None };
        Some(Box::new(problems.iter().map(|problem| problem as &dyn miette::Diagnostic)))
    }
});

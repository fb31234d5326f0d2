//! From what rustls and the socket say to what it means for each side.

use std::{error::Error as StdError, fmt, io, time::Duration};

use rpcplugin_core::{SecurityError, escape, escape_text};
use rustls::{AlertDescription, CertificateError, Error};

use crate::{Certificate, pin::Seen, trust::untrusted};

/// Which side of the handshake we were.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// A handshake that failed, with what is known about it.
pub(crate) struct Failure<'a> {
    pub(crate) side: Side,
    /// The one certificate that is accepted, unless roots decide.
    pub(crate) pinned: Option<&'a Certificate>,
    pub(crate) seen: &'a Seen,
    /// What the peer sent first.
    pub(crate) first: &'a [u8],
}

impl Failure<'_> {
    pub(crate) fn explain(&self, error: &io::Error) -> SecurityError {
        if self.first.is_empty() {
            return SecurityError::NotTls {
                detail: format!("it ended the connection without sending a byte ({error})"),
            };
        }
        if !looks_like_tls(self.first) {
            return SecurityError::NotTls {
                detail: format!("its first bytes are \"{}\"", escape(self.first)),
            };
        }
        match find(error) {
            Some(error) => self.explain_tls(error),
            None => handshake(format!("peer ended the connection in the middle ({error})")),
        }
    }

    fn explain_tls(&self, error: &Error) -> SecurityError {
        match (error, self.pinned) {
            (
                Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure),
                Some(pinned),
            ) => return self.other_certificate(pinned),
            (Error::InvalidCertificate(CertificateError::BadSignature), Some(pinned)) => {
                return SecurityError::BadSignature {
                    fingerprint: pinned.fingerprint().to_string(),
                };
            }
            (Error::InvalidCertificate(error), None) => return self.untrusted(error),
            (Error::InvalidCertRevocationList(_), None) => {
                return self.untrusted(&CertificateError::UnknownRevocationStatus);
            }
            _ => {}
        }
        match error {
            Error::NoCertificatesPresented if self.side == Side::Server => {
                SecurityError::ClientRefused { detail: "it presents no certificate".into() }
            }
            Error::AlertReceived(alert) => alerted(self.side, *alert),
            Error::NoApplicationProtocol => no_alpn(),
            error => handshake(shown(error)),
        }
    }

    fn untrusted(&self, error: &CertificateError) -> SecurityError {
        match (self.side, self.seen.unwanted_names()) {
            (Side::Client, None) => untrusted(error),
            (Side::Client, Some(names)) => SecurityError::CertUntrusted { reason: names.into() },
            (Side::Server, names) => {
                let reason = names.map_or_else(|| shown(error), str::to_owned);
                let detail = format!("its certificate is not trusted: {reason}");
                SecurityError::ClientRefused { detail }
            }
        }
    }

    fn other_certificate(&self, pinned: &Certificate) -> SecurityError {
        let expected = pinned.fingerprint().to_string();
        let found =
            self.seen.other_certificate().map_or_else(|| "another".into(), |f| f.to_string());
        match self.side {
            Side::Client => SecurityError::PinMismatch { expected, found },
            Side::Server => SecurityError::ClientRefused {
                detail: format!("it presents certificate {found}, only {expected} is accepted"),
            },
        }
    }
}

/// An error that can hold text of the peer's, such as the names in its certificate.
pub(crate) fn shown(error: &dyn fmt::Display) -> String {
    const MOST_CHARACTERS: usize = 500;
    let text = error.to_string();
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => escape_text(&text[..end]) + "…",
        None => escape_text(&text),
    }
}

/// The peer agreed on TLS, and not on HTTP/2 in it.
pub(crate) fn no_alpn() -> SecurityError {
    handshake("peer does not choose the protocol h2 (ALPN)".into())
}

/// The server's answer to a client that takes too long.
pub(crate) fn too_slow(limit: Duration) -> SecurityError {
    handshake(format!("not complete within {limit:?}"))
}

pub(crate) fn handshake(detail: String) -> SecurityError {
    SecurityError::TlsHandshake { detail }
}

/// Finds a TLS failure in an error's chain of causes, and says what it means.
///
/// In TLS 1.3 a host has finished its handshake before the plugin judges its certificate: the
/// connection is made, and a refusal arrives as an alert on the first read, wrapped several times
/// by then. `None` if there is no TLS failure in the chain.
///
/// # Example
///
/// ```
/// let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
/// assert!(rpcplugin_tls::explain(&reset).is_none());
/// ```
#[must_use]
pub fn explain(error: &(dyn StdError + 'static)) -> Option<SecurityError> {
    find(error).map(|error| match error {
        Error::AlertReceived(alert) => alerted(Side::Client, *alert),
        error => handshake(shown(error)),
    })
}

fn alerted(side: Side, alert: AlertDescription) -> SecurityError {
    use AlertDescription as Alert;
    // What both sides can say of a refusal: an alert is all that the refused one hears.
    let about_certificate = match alert {
        Alert::AccessDenied => Some("it is another one, or bears none of the allowed names"),
        Alert::BadCertificate => Some("it is malformed, or bears another name"),
        Alert::CertificateExpired => Some("it is outside its validity"),
        Alert::CertificateRequired | Alert::NoCertificate => Some("there is none"),
        Alert::CertificateRevoked => Some("it was revoked"),
        Alert::CertificateUnknown => Some("it is unacceptable"),
        Alert::DecryptError => Some("a signature is wrong"),
        Alert::UnknownCA => Some("its issuer, or whether it was revoked, is unknown"),
        Alert::UnsupportedCertificate => Some("it is for another purpose"),
        _ => None,
    };
    match (side, about_certificate) {
        _ if alert == Alert::NoApplicationProtocol => no_alpn(),
        (Side::Client, Some(why)) => SecurityError::ClientRefused {
            detail: format!("the plugin does not accept our certificate: {why} (alert {alert:?})"),
        },
        (Side::Server, Some(why)) => {
            handshake(format!("host does not accept our certificate: {why} (alert {alert:?})"))
        }
        (_, None) => handshake(format!("peer sends the alert {alert:?}")),
    }
}

/// The first rustls error in the chain.
fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<Error>() {
            return Some(tls);
        }
        // An io::Error is transparent: its source is that of the error inside, which it skips.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// The header of a TLS record: one of five types, then major version 3.
fn looks_like_tls(first: &[u8]) -> bool {
    matches!(first, [20..=24] | [20..=24, 3, ..])
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::ServerName;

    use super::*;

    #[test]
    fn the_peers_own_words_are_escaped_and_cut() {
        let error = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("kv.internal").unwrap(),
            presented: vec!["\u{1b}[2J\n".to_owned(), "long".repeat(10_000)],
        };
        let seen = Seen::default();
        let failure = |side| Failure { side, pinned: None, seen: &seen, first: &[22, 3] };
        let wrapped = Error::InvalidCertificate(error.clone());
        for told in [
            untrusted(&error),
            failure(Side::Client).explain_tls(&wrapped),
            failure(Side::Server).explain_tls(&wrapped),
            explain(&wrapped).unwrap(),
        ] {
            let text = told.to_string();
            assert!(text.contains("kv.internal") && text.contains("\\x1b[2J\\n"), "{text}");
            assert!(text.len() < 700 && !text.chars().any(char::is_control), "{text}");
            assert!(text.contains('…'), "{text}");
        }
    }
}

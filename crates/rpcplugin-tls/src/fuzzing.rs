//! What `fuzz/` runs on this crate; `docs/decisions.md` says why it stands here.
//!
//! Each function takes any bytes, and panics if a promise does not hold for them.

use rpcplugin_core::{CertificateField, Handshake, SecurityError};

use crate::{CertInfo, Certificate};

/// Field 6 of the handshake line, from its text to a certificate that can be pinned.
pub fn certificate_field(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let line = format!("1|1|tcp|127.0.0.1:1|grpc|{text}|true");
    let Ok(Handshake { certificate: field, .. }) = line.parse() else { return };
    match field.der() {
        Ok(der) => {
            assert!(field.is_announced());
            let again = CertificateField::from_der(&der);
            assert!(!again.is_announced() || again.der().ok().as_ref() == Some(&der));
            certificate(&der);
        }
        Err(error) => refused(&error),
    }
}

/// A certificate as it comes: DER from the handshake line, PEM from the environment.
pub fn certificate(bytes: &[u8]) {
    info(CertInfo::from_der(bytes));
    info(CertInfo::from_pem(bytes));
    for read in [Certificate::from_der(bytes), Certificate::from_pem(bytes)] {
        match read {
            Ok(certificate) => {
                let pem = certificate.to_pem();
                assert_eq!(Certificate::from_pem(pem.as_bytes()).ok().as_ref(), Some(&certificate));
                assert_eq!(
                    Certificate::from_der(certificate.der()).ok().as_ref(),
                    Some(&certificate)
                );
            }
            Err(error) => refused(&error),
        }
    }
}

/// What [`CertInfo`] shows of a certificate: text that acts on no terminal, and JSON.
fn info(read: Result<CertInfo, SecurityError>) {
    match read {
        Ok(info) => {
            assert!(!info.to_string().contains(|c: char| c.is_control() && c != '\n'));
            assert!(serde_json::from_str::<serde_json::Value>(&info.to_json()).is_ok());
        }
        Err(error) => refused(&error),
    }
}

fn refused(error: &SecurityError) {
    let text = error.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(text.len() < 1024, "{text:?}");
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::{replay::replay, *};

    #[test]
    fn certificate_fields_that_were_found_hold() {
        replay("certificate_field", certificate_field);
    }

    #[test]
    fn certificates_that_were_found_hold() {
        replay("certificate", certificate);
    }
}

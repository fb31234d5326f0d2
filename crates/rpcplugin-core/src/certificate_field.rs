use std::fmt;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD_NO_PAD,
    },
};

use crate::SecurityError;

/// Reads what Go writes (unpadded) and what other ports write (padded).
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Field 6 of the handshake line: the plugin's certificate, or nothing.
///
/// Up to 50 characters are filler that old plugins print, not a certificate
/// (go-plugin v1.8.0, `client.go:926`).
///
/// # Example
///
/// ```
/// use rpcplugin_core::CertificateField;
///
/// let field = CertificateField::from_der(&[7; 64]);
/// assert!(field.is_announced());
/// assert_eq!(field.der()?, vec![7; 64]);
/// assert!(!CertificateField::default().is_announced());
/// # Ok::<(), rpcplugin_core::SecurityError>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CertificateField(String);

impl CertificateField {
    /// The field that announces this certificate: its DER in unpadded base64, because Go cannot
    /// read padding.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Self {
        Self(STANDARD_NO_PAD.encode(der))
    }

    /// Keeps the text of a field as it was read.
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The field as it stands on the line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the plugin announces a certificate at all: more than 50 characters.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.0.len() > 50
    }

    /// The announced certificate's DER. Whether it *is* a certificate is for the TLS layer.
    ///
    /// # Errors
    ///
    /// `SECURITY_CERT_MISSING` if none is announced, `SECURITY_CERT_INVALID` if the field is not
    /// base64 of the standard alphabet.
    pub fn der(&self) -> Result<Vec<u8>, SecurityError> {
        if !self.is_announced() {
            return Err(SecurityError::CertMissing);
        }
        LENIENT
            .decode(&self.0)
            .map_err(|error| SecurityError::CertInvalid { reason: format!("not base64: {error}") })
    }
}

impl fmt::Display for CertificateField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

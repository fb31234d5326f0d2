//! What an authority's own certificate says about what it may issue.

use rcgen::{DistinguishedName, DnType, DnValue};
use rpcplugin_core::SecurityError;
use time::OffsetDateTime;
use x509_parser::{asn1_rs::Tag, prelude::X509Certificate, x509::X509Name};

use crate::{Certificate, files::invalid, x509};

pub(super) struct Itself {
    pub(super) subject: DistinguishedName,
    pub(super) key_identifier: Option<Vec<u8>>,
    pub(super) path_length: Option<u8>,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
}

impl Itself {
    pub(super) fn read(certificate: &Certificate) -> Result<Self, SecurityError> {
        let parsed = parsed(certificate)?;
        x509::may_issue(&parsed).map_err(invalid)?;
        let constraints = parsed.basic_constraints().ok().flatten();
        let date = |time: x509_parser::time::ASN1Time| time.to_datetime();
        Ok(Self {
            subject: name(parsed.subject()).ok_or_else(cannot_write)?,
            key_identifier: x509::key_identifier(&parsed),
            path_length: constraints
                .and_then(|constraints| constraints.value.path_len_constraint)
                .map(|length| u8::try_from(length).unwrap_or(u8::MAX)),
            not_before: date(parsed.validity().not_before),
            not_after: date(parsed.validity().not_after),
        })
    }
}

/// Whether it stands at the top: it signed itself. One below it may have the same name.
pub(super) fn is_root(certificate: &Certificate) -> bool {
    x509::parse(certificate.der()).is_some_and(|parsed| x509::is_issued_by(&parsed, &parsed))
}

/// Checks that each was issued by the one after it, and that all of them may issue. Behind a root
/// others may follow, which were roots before it.
pub(super) fn linked(chain: &[Certificate]) -> Result<(), SecurityError> {
    let chain = chain.iter().map(parsed).collect::<Result<Vec<_>, _>>()?;
    for above in &chain {
        x509::may_issue(above).map_err(invalid)?;
    }
    let is_root = |above| x509::is_issued_by(above, above);
    match chain.windows(2).all(|pair| {
        x509::is_issued_by(&pair[0], &pair[1]) || is_root(&pair[0]) && is_root(&pair[1])
    }) {
        true => Ok(()),
        false => Err(invalid("one of its chain was not issued by the next")),
    }
}

/// Checks that a certificate names its authority byte for byte: verifiers compare nothing less.
pub(super) fn issued_by(made: &Certificate, authority: &Certificate) -> Result<(), SecurityError> {
    if parsed(made)?.issuer().as_raw() == parsed(authority)?.subject().as_raw() {
        Ok(())
    } else {
        Err(cannot_write())
    }
}

fn parsed(certificate: &Certificate) -> Result<X509Certificate<'_>, SecurityError> {
    x509::parse(certificate.der()).ok_or_else(|| invalid("not an X.509 certificate in DER"))
}

fn cannot_write() -> SecurityError {
    invalid("the authority's subject has parts of a kind that cannot be written here")
}

/// The name in a form that rcgen writes; `None` if it knows none.
fn name(name: &X509Name<'_>) -> Option<DistinguishedName> {
    let mut written = DistinguishedName::new();
    for part in name.iter() {
        let mut attributes = part.iter();
        let attribute = attributes.next()?;
        if attributes.next().is_some() {
            return None;
        }
        let kind = DnType::CustomDnType(attribute.attr_type().iter()?.collect());
        if written.get(&kind).is_some() {
            return None;
        }
        let text = std::str::from_utf8(attribute.attr_value().data).ok()?;
        let value = match attribute.attr_value().header.tag() {
            Tag::Utf8String => DnValue::Utf8String(text.to_owned()),
            Tag::PrintableString => DnValue::PrintableString(text.try_into().ok()?),
            Tag::Ia5String => DnValue::Ia5String(text.try_into().ok()?),
            _ => return None,
        };
        written.push(kind, value);
    }
    Some(written)
}

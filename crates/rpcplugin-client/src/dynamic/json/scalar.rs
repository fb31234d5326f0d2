use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use prost_reflect::{EnumDescriptor, Kind, MapKey, Value as Field};
use rpcplugin_core::{ProtocolError, escape_text};
use serde_json::Value;

use super::{
    number::{self, NotANumber},
    path::Path,
};
use crate::dynamic::lookup::nearest;

/// What a value of this kind is called.
pub(super) fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Double => "a 64-bit floating-point number".to_owned(),
        Kind::Float => "a 32-bit floating-point number".to_owned(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "a signed 32-bit integer".to_owned(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "a signed 64-bit integer".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => "an unsigned 32-bit integer".to_owned(),
        Kind::Uint64 | Kind::Fixed64 => "an unsigned 64-bit integer".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::String => "a string".to_owned(),
        Kind::Bytes => "bytes as a base64 string".to_owned(),
        Kind::Message(message) => format!("an object ({})", message.full_name()),
        Kind::Enum(of) => format!("a name or number of the enum {}", of.full_name()),
    }
}

/// What stands there instead, briefly.
pub(super) fn found(value: &Value) -> String {
    /// So many characters of a text are shown.
    const SHOWN: usize = 40;

    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => {
            let mut shown: String = text.chars().take(SHOWN).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            format!("the string \"{}\"", escape_text(&shown))
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The error of a value that is of another type.
pub(super) fn mismatch(path: &Path<'_>, expected: &str, value: &Value) -> ProtocolError {
    path.refuse(format!("expected {expected}, found {}", found(value)))
}

/// A value of any kind but message and enum.
pub(super) fn read(path: &Path<'_>, kind: &Kind, value: &Value) -> Result<Field, ProtocolError> {
    let out_of = |why: NotANumber| match why {
        NotANumber::Form => mismatch(path, &expected(kind), value),
        NotANumber::Fraction => {
            path.refuse(format!("expected {}, {} is not whole", expected(kind), found(value)))
        }
        NotANumber::Range => {
            path.refuse(format!("expected {}, {} is out of range", expected(kind), found(value)))
        }
    };
    let integer = || number::integer(value);
    let read = match kind {
        Kind::Double => number::float(value).map(Field::F64),
        Kind::Float => number::float(value).and_then(number::narrow).map(Field::F32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => integer().and_then(fit).map(Field::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => integer().and_then(fit).map(Field::I64),
        Kind::Uint32 | Kind::Fixed32 => integer().and_then(fit).map(Field::U32),
        Kind::Uint64 | Kind::Fixed64 => integer().and_then(fit).map(Field::U64),
        Kind::Bool => value.as_bool().map(Field::Bool).ok_or(NotANumber::Form),
        Kind::String => {
            value.as_str().map(|text| Field::String(text.to_owned())).ok_or(NotANumber::Form)
        }
        Kind::Bytes => value.as_str().and_then(bytes).map(Field::Bytes).ok_or(NotANumber::Form),
        Kind::Message(_) | Kind::Enum(_) => Err(NotANumber::Form),
    };
    read.map_err(out_of)
}

fn fit<T: TryFrom<i128>>(number: i128) -> Result<T, NotANumber> {
    T::try_from(number).map_err(|_| NotANumber::Range)
}

/// Bytes in either alphabet of base64, padded or not.
fn bytes(text: &str) -> Option<Bytes> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    engine.decode(text).ok().map(Bytes::from)
}

/// The number of an enum's value; `None` for an unknown name, if those are left out.
pub(super) fn enum_number(
    path: &Path<'_>,
    of: &EnumDescriptor,
    value: &Value,
    allow_unknown: bool,
) -> Result<Option<i32>, ProtocolError> {
    if of.full_name() == "google.protobuf.NullValue" && value.is_null() {
        return Ok(Some(0));
    }
    if let Some(name) = value.as_str() {
        return match of.get_value_by_name(name) {
            Some(found) => Ok(Some(found.number())),
            None if allow_unknown => Ok(None),
            None => {
                let names = of.values().map(|one| (one.name().to_owned(), one.name().to_owned()));
                Err(ProtocolError::InvalidMessage {
                    path: path.to_string(),
                    detail: format!(
                        "the enum {} has no value \"{}\"",
                        of.full_name(),
                        escape_text(name)
                    ),
                    nearest: nearest(name, names, false),
                })
            }
        };
    }
    let kind = Kind::Enum(of.clone());
    let number = value.is_number().then(|| number::integer(value).and_then(fit));
    match number {
        Some(Ok(number)) => Ok(Some(number)),
        _ => Err(mismatch(path, &expected(&kind), value)),
    }
}

/// The key of a map, which JSON has as a string.
pub(super) fn map_key(path: &Path<'_>, kind: &Kind, key: &str) -> Result<MapKey, ProtocolError> {
    let refuse = || {
        let key = Value::from(key);
        path.refuse(format!("expected {} as the key, found {}", expected(kind), found(&key)))
    };
    // Only the one way to write a number, so that no two keys are one.
    let integer = || -> Result<i128, ProtocolError> {
        let number: i128 = key.parse().map_err(|_| refuse())?;
        if number.to_string() == key { Ok(number) } else { Err(refuse()) }
    };
    Ok(match kind {
        Kind::String => MapKey::String(key.to_owned()),
        Kind::Bool => MapKey::Bool(key.parse().map_err(|_| refuse())?),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            MapKey::I32(fit(integer()?).map_err(|_| refuse())?)
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            MapKey::I64(fit(integer()?).map_err(|_| refuse())?)
        }
        Kind::Uint32 | Kind::Fixed32 => MapKey::U32(fit(integer()?).map_err(|_| refuse())?),
        Kind::Uint64 | Kind::Fixed64 => MapKey::U64(fit(integer()?).map_err(|_| refuse())?),
        _ => return Err(refuse()),
    })
}

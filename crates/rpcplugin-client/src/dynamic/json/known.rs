//! The types of `google.protobuf` that JSON has in forms of their own.
//!
//! A descriptor of that name may be anybody's, so nothing is taken for granted of its fields:
//! values go in and out as bytes.

use std::collections::BTreeMap;

use prost::Message;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};
use prost_types::{ListValue, Struct, value};
use rpcplugin_core::{ProtocolError, escape_text};
use serde_json::Value;

use super::{DEEPEST, path::Segment, read::Reader, scalar, time};

mod any;
mod mask;

pub(super) use self::any::type_name;
pub(super) use self::mask::text as mask_text;

type Read = for<'v> fn(
    &mut Reader<'v>,
    &MessageDescriptor,
    &'v Value,
) -> Result<DynamicMessage, ProtocolError>;

/// How messages of this type are read; `None` for those that are plain objects.
pub(super) fn reader(full_name: &str) -> Option<Read> {
    Some(match full_name.strip_prefix("google.protobuf.")? {
        "Any" => any::read,
        "Timestamp" => |reader, of, value| {
            let expected = "a time such as \"2001-02-03T04:05:06.789Z\"";
            text(reader, of, value, expected, time::timestamp)
        },
        "Duration" => |reader, of, value| {
            text(reader, of, value, "seconds such as \"1.500s\"", time::duration)
        },
        "FieldMask" => |reader, of, value| {
            let expected = "paths in lowerCamelCase such as \"name,address.zip\"";
            text(reader, of, value, expected, mask::read)
        },
        "Empty" => |reader, of, value| match value {
            Value::Object(object) => {
                let mut message = DynamicMessage::new(of.clone());
                reader.fields(&mut message, object, None)?;
                Ok(message)
            }
            _ => Err(reader.mismatch(&Kind::Message(of.clone()), value)),
        },
        "Struct" => |reader, of, value| {
            let read = structure(reader, value)?;
            made(reader, of, &read)
        },
        "ListValue" => |reader, of, value| {
            let read = list(reader, value)?;
            made(reader, of, &read)
        },
        "Value" => |reader, of, value| {
            let read = any_value(reader, value)?;
            made(reader, of, &read)
        },
        "DoubleValue" | "FloatValue" | "Int64Value" | "UInt64Value" | "Int32Value"
        | "UInt32Value" | "BoolValue" | "StringValue" | "BytesValue" => wrapper,
        _ => return None,
    })
}

/// Whether messages of this type have a form of their own in JSON, and so stand under `value` in
/// an `Any`.
pub(super) fn is_known(full_name: &str) -> bool {
    reader(full_name).is_some()
}

/// Whether `null` is a value of this kind, and not the absence of one.
pub(super) fn has_null(kind: &Kind) -> bool {
    match kind {
        Kind::Message(of) => of.full_name() == "google.protobuf.Value",
        Kind::Enum(of) => of.full_name() == "google.protobuf.NullValue",
        _ => false,
    }
}

/// A message that JSON has as a text.
fn text<T: Message>(
    reader: &Reader<'_>,
    of: &MessageDescriptor,
    value: &Value,
    expected: &str,
    read: fn(&str) -> Option<T>,
) -> Result<DynamicMessage, ProtocolError> {
    match value.as_str().and_then(read) {
        Some(message) => made(reader, of, &message),
        None => Err(scalar::mismatch(&reader.path, expected, value)),
    }
}

/// A message of one value, which JSON has as that value.
fn wrapper<'v>(
    reader: &mut Reader<'v>,
    of: &MessageDescriptor,
    value: &'v Value,
) -> Result<DynamicMessage, ProtocolError> {
    let field = of.get_field(1).filter(|field| !field.is_list() && !field.is_map());
    let Some(field) = field else { return Err(strange(reader, of)) };
    if matches!(field.kind(), Kind::Message(_) | Kind::Enum(_)) {
        return Err(strange(reader, of));
    }
    let mut message = DynamicMessage::new(of.clone());
    message.set_field(&field, scalar::read(&reader.path, &field.kind(), value)?);
    Ok(message)
}

fn any_value<'v>(
    reader: &mut Reader<'v>,
    value: &'v Value,
) -> Result<prost_types::Value, ProtocolError> {
    let kind = match value {
        Value::Null => value::Kind::NullValue(0),
        Value::Bool(value) => value::Kind::BoolValue(*value),
        Value::Number(number) => {
            let number = number.as_f64().filter(|number| number.is_finite());
            let number = number
                .ok_or_else(|| scalar::mismatch(&reader.path, "a number of 64 bits", value))?;
            value::Kind::NumberValue(number)
        }
        Value::String(text) => value::Kind::StringValue(text.clone()),
        Value::Array(_) => value::Kind::ListValue(list(reader, value)?),
        Value::Object(_) => value::Kind::StructValue(structure(reader, value)?),
    };
    Ok(prost_types::Value { kind: Some(kind) })
}

fn list<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Result<ListValue, ProtocolError> {
    let Value::Array(items) = value else {
        return Err(scalar::mismatch(&reader.path, "a list", value));
    };
    let mut values = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        reader.path.push(Segment::Index(index));
        deep_enough(reader)?;
        values.push(any_value(reader, item)?);
        reader.path.pop();
    }
    Ok(ListValue { values })
}

fn structure<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Result<Struct, ProtocolError> {
    let Value::Object(object) = value else {
        return Err(scalar::mismatch(&reader.path, "an object", value));
    };
    let mut fields = BTreeMap::new();
    for (name, item) in object {
        reader.path.push(Segment::Field(name));
        deep_enough(reader)?;
        fields.insert(name.clone(), any_value(reader, item)?);
        reader.path.pop();
    }
    Ok(Struct { fields })
}

/// Refuses JSON whose messages no peer could read: each level of a `Struct` is three of theirs.
fn deep_enough(reader: &Reader<'_>) -> Result<(), ProtocolError> {
    const LEVELS: usize = DEEPEST / 3;

    if reader.path.depth() > LEVELS {
        return Err(reader.path.refuse(format!("free JSON nested more than {LEVELS} levels deep")));
    }
    Ok(())
}

/// The same message as one of type `of`.
fn made<T: Message>(
    reader: &Reader<'_>,
    of: &MessageDescriptor,
    message: &T,
) -> Result<DynamicMessage, ProtocolError> {
    DynamicMessage::decode(of.clone(), message.encode_to_vec().as_slice())
        .map_err(|_| strange(reader, of))
}

/// The error of a type that is not what its name says.
fn strange(reader: &Reader<'_>, of: &MessageDescriptor) -> ProtocolError {
    let name = escape_text(of.full_name());
    reader.path.refuse(format!("the descriptors define {name} in a way of their own"))
}

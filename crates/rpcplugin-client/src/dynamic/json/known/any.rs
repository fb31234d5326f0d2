use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MessageDescriptor};
use prost_types::Any;
use rpcplugin_core::{ProtocolError, escape_text};
use serde_json::Value;

use super::{super::path::Segment, Reader, is_known, made};

/// Any message with its type: its fields beside `@type`, or, if it has a form of its own, that
/// form under `value`.
pub(super) fn read<'v>(
    reader: &mut Reader<'v>,
    of: &MessageDescriptor,
    value: &'v Value,
) -> Result<DynamicMessage, ProtocolError> {
    let Value::Object(object) = value else {
        return Err(reader.mismatch(&Kind::Message(of.clone()), value));
    };
    if object.is_empty() {
        return Ok(DynamicMessage::new(of.clone()));
    }
    let Some(type_url) = object.get("@type").and_then(Value::as_str) else {
        return Err(reader.path.refuse(
            "expected a member \"@type\" with the message's type, such as \
             \"type.googleapis.com/google.protobuf.Duration\"",
        ));
    };
    let found = type_name(type_url).and_then(|name| of.parent_pool().get_message_by_name(name));
    let Some(inner) = found else {
        let type_url = escape_text(type_url);
        return Err(reader.path.refuse(format!("no descriptor has the type {type_url:?}")));
    };
    let message = if is_known(inner.full_name()) {
        for name in object.keys() {
            if name != "@type" && name != "value" && !reader.allow_unknown {
                reader.path.push(Segment::Field(name));
                return Err(reader.path.refuse("only \"value\" stands beside this \"@type\""));
            }
        }
        let Some(value) = object.get("value") else {
            return Err(reader.path.refuse("expected a member \"value\" beside this \"@type\""));
        };
        reader.path.push(Segment::Field("value"));
        let message = reader.message(&inner, value)?;
        reader.path.pop();
        message
    } else {
        let mut message = DynamicMessage::new(inner);
        reader.fields(&mut message, object, Some("@type"))?;
        message
    };
    let any = Any { type_url: type_url.to_owned(), value: message.encode_to_vec() };
    made(reader, of, &any)
}

/// The full name in a type's URL, which has a slash before it.
pub(in crate::dynamic::json) fn type_name(type_url: &str) -> Option<&str> {
    let (_, name) = type_url.rsplit_once('/')?;
    Some(name).filter(|name| !name.is_empty())
}

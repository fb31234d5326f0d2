use std::fmt;

use rpcplugin_core::{Error, ProtocolError, escape_text};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads JSON for a dynamic call as protobuf wants it read: an object with one name twice is
/// refused, where `serde_json` alone takes the last.
///
/// # Errors
///
/// `PROTOCOL_INVALID_MESSAGE` with line and column, also for text that is no JSON, for more after
/// it, and for JSON that is nested more than 128 levels deep.
///
/// # Example
///
/// ```
/// use rpcplugin_client::parse_json;
///
/// assert_eq!(parse_json(r#"{"key": "greeting"}"#)?["key"], "greeting");
/// let twice = parse_json(r#"{"key": "a", "key": "b"}"#).unwrap_err();
/// assert!(twice.to_string().starts_with("the JSON text: \"key\" stands there twice at line 1"));
/// # Ok::<(), rpcplugin_core::Error>(())
/// ```
pub fn parse_json(text: &str) -> Result<Value, Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        ProtocolError::InvalidMessage {
            path: "the JSON text".to_owned(),
            detail: escape_text(&error.to_string()),
            nearest: Vec::new(),
        }
        .into()
    })
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(number.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(de::Error::custom(format!("{name:?} stands there twice")));
            }
            let value = members.next_value_seed(Strict)?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message;
use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MapKey, ReflectMessage as _,
    Value as Field,
};
use prost_types::{Any, Duration, FieldMask, ListValue, Struct, Timestamp, value};
use rpcplugin_core::escape_text;
use serde_json::{Map, Number, Value, json};

use super::{DEEPEST, known, time};

/// How a message is written.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::dynamic) struct Style {
    /// With the fields that stand at their default value and have no presence.
    pub(in crate::dynamic) default_values: bool,
    /// For Rust's types: names as in the `.proto` file, numbers of 64 bits as numbers.
    pub(in crate::dynamic) for_rust: bool,
}

/// The JSON of a message.
///
/// # Errors
///
/// Why it has none: a time out of range, an `Any` of unknown type, nested too deep.
pub(in crate::dynamic) fn write(message: &DynamicMessage, style: Style) -> Result<Value, String> {
    Writer { style, depth: 0 }.message(message)
}

struct Writer {
    style: Style,
    depth: usize,
}

impl Writer {
    fn message(&mut self, message: &DynamicMessage) -> Result<Value, String> {
        // An `Any` may hold an `Any`, each with a message of a hundred levels.
        if self.depth == DEEPEST {
            return Err(format!("nested more than {DEEPEST} levels deep"));
        }
        self.depth += 1;
        let of = message.descriptor();
        let value = match of.full_name().strip_prefix("google.protobuf.") {
            Some(name) if known::is_known(of.full_name()) => self.known(name, message),
            _ => self.fields(message, Map::new()).map(Value::Object),
        };
        self.depth -= 1;
        value
    }

    fn fields(
        &mut self,
        message: &DynamicMessage,
        mut object: Map<String, Value>,
    ) -> Result<Map<String, Value>, String> {
        let for_rust = self.style.for_rust;
        let name = |field: &FieldDescriptor| {
            let name = if for_rust { field.name() } else { field.json_name() };
            name.to_owned()
        };
        if self.style.default_values {
            for field in message.descriptor().fields() {
                let is_shown = message.has_field(&field) || !field.supports_presence();
                if is_shown {
                    let name = name(&field);
                    let value = message.get_field(&field);
                    object.insert(name, self.field(&field.kind(), &value)?);
                }
            }
        } else {
            for (field, value) in message.fields() {
                let name = name(&field);
                object.insert(name, self.field(&field.kind(), value)?);
            }
        }
        for (extension, value) in message.extensions() {
            let name = extension.json_name().to_owned();
            object.insert(name, self.field(&extension.kind(), value)?);
        }
        Ok(object)
    }

    fn field(&mut self, kind: &Kind, value: &Field) -> Result<Value, String> {
        Ok(match value {
            Field::Bool(value) => (*value).into(),
            Field::I32(value) => (*value).into(),
            Field::U32(value) => (*value).into(),
            Field::I64(value) => self.integer(value),
            Field::U64(value) => self.integer(value),
            Field::F32(value) => narrow(*value),
            Field::F64(value) => float(*value),
            Field::String(value) => value.as_str().into(),
            Field::Bytes(value) => BASE64_STANDARD.encode(value).into(),
            Field::EnumNumber(number) => match kind {
                Kind::Enum(of) => enum_name(of, *number),
                _ => (*number).into(),
            },
            Field::Message(message) => self.message(message)?,
            Field::List(items) => {
                let items = items.iter().map(|item| self.field(kind, item));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Field::Map(entries) => {
                let kind = match kind {
                    Kind::Message(entry) if entry.is_map_entry() => {
                        entry.map_entry_value_field().kind()
                    }
                    other => other.clone(),
                };
                let mut object = Map::new();
                for (key, value) in entries {
                    object.insert(key_text(key), self.field(&kind, value)?);
                }
                object.into()
            }
        })
    }

    fn integer<T: Copy + Into<Number> + ToString>(&self, value: &T) -> Value {
        if self.style.for_rust { Value::Number((*value).into()) } else { value.to_string().into() }
    }

    /// A message with a form of its own.
    fn known(&mut self, name: &str, message: &DynamicMessage) -> Result<Value, String> {
        let no_text = || format!("a {name} has a value out of range");
        Ok(match name {
            "Any" => self.any(message, &typed(message)?)?,
            "Timestamp" => {
                time::timestamp_text(typed::<Timestamp>(message)?).ok_or_else(no_text)?.into()
            }
            "Duration" => {
                time::duration_text(typed::<Duration>(message)?).ok_or_else(no_text)?.into()
            }
            "FieldMask" => {
                let mask: FieldMask = typed(message)?;
                known::mask_text(&mask).ok_or("a FieldMask has a path without a JSON form")?.into()
            }
            "Empty" => json!({}),
            "Struct" => structure(typed(message)?)?,
            "ListValue" => list(typed(message)?)?,
            "Value" => free(typed(message)?)?,
            // A wrapper.
            _ => match message.descriptor().get_field(1) {
                Some(field) => self.field(&field.kind(), &message.get_field(&field))?,
                None => return Err(format!("the descriptors define {name} in a way of their own")),
            },
        })
    }

    fn any(&mut self, message: &DynamicMessage, any: &Any) -> Result<Value, String> {
        if any.type_url.is_empty() && any.value.is_empty() {
            return Ok(json!({}));
        }
        let pool = message.descriptor().parent_pool().clone();
        let found = known::type_name(&any.type_url).and_then(|name| pool.get_message_by_name(name));
        let Some(of) = found else {
            return Err(format!("no descriptor has the type {:?}", escape_text(&any.type_url)));
        };
        let name = of.full_name().to_owned();
        let inner = DynamicMessage::decode(of, any.value.as_slice())
            .map_err(|error| format!("an Any of type {name}: {error}"))?;
        let mut object = Map::new();
        object.insert("@type".to_owned(), any.type_url.as_str().into());
        if known::is_known(&name) {
            object.insert("value".to_owned(), self.message(&inner)?);
            return Ok(object.into());
        }
        if self.depth == DEEPEST {
            return Err(format!("nested more than {DEEPEST} levels deep"));
        }
        self.depth += 1;
        let object = self.fields(&inner, object);
        self.depth -= 1;
        object.map(Value::Object)
    }
}

/// The message as protobuf's own type.
fn typed<T: Message + Default>(message: &DynamicMessage) -> Result<T, String> {
    let name = message.descriptor().full_name().to_owned();
    T::decode(message.encode_to_vec().as_slice()).map_err(|error| format!("a {name}: {error}"))
}

fn structure(read: Struct) -> Result<Value, String> {
    let fields = read.fields.into_iter().map(|(name, value)| Ok((name, free(value)?)));
    Ok(Value::Object(fields.collect::<Result<_, String>>()?))
}

fn list(read: ListValue) -> Result<Value, String> {
    Ok(Value::Array(read.values.into_iter().map(free).collect::<Result<_, _>>()?))
}

fn free(read: prost_types::Value) -> Result<Value, String> {
    Ok(match read.kind {
        None | Some(value::Kind::NullValue(_)) => Value::Null,
        Some(value::Kind::BoolValue(value)) => value.into(),
        Some(value::Kind::NumberValue(number)) if number.is_finite() => float(number),
        Some(value::Kind::NumberValue(_)) => {
            return Err("a number of a google.protobuf.Value is not finite".to_owned());
        }
        Some(value::Kind::StringValue(text)) => text.into(),
        Some(value::Kind::ListValue(value)) => list(value)?,
        Some(value::Kind::StructValue(value)) => structure(value)?,
    })
}

fn enum_name(of: &EnumDescriptor, number: i32) -> Value {
    if of.full_name() == "google.protobuf.NullValue" {
        return Value::Null;
    }
    match of.get_value(number) {
        Some(value) => value.name().into(),
        None => number.into(),
    }
}

fn float(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(number) => number.into(),
        None => not_finite(number).into(),
    }
}

/// With as many digits as 32 bits need: the number that is written is 0.1, not
/// 0.10000000149011612.
fn narrow(number: f32) -> Value {
    if !number.is_finite() {
        return not_finite(number.into()).into();
    }
    float(number.to_string().parse().unwrap_or(number.into()))
}

fn not_finite(number: f64) -> &'static str {
    match number {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

use std::collections::BTreeSet;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::comments;

/// JSON Schema of a message.
pub(super) fn of(message: &MessageDescriptor) -> Value {
    let mut schema = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema" });
    let mut definitions = Definitions::default();
    let root = definitions.message(message);
    let (mut all, mut done) = (Map::new(), BTreeSet::new());
    // One type after the other, so that no depth of types is a depth of calls.
    while let Some(wanted) = definitions.wanted.pop() {
        let name = wanted.name().to_owned();
        if done.insert(name.clone()) {
            let definition = match &wanted {
                Wanted::Message(message) => definitions.object(message),
                Wanted::Enum(of) => enumeration(of),
            };
            all.insert(name, definition);
        }
    }
    if let (Value::Object(schema), Value::Object(root)) = (&mut schema, root) {
        schema.extend(root);
        if !all.is_empty() {
            schema.insert("$defs".to_owned(), all.into());
        }
    }
    schema
}

/// The types whose definitions are still to be written.
#[derive(Default)]
struct Definitions {
    wanted: Vec<Wanted>,
}

enum Wanted {
    Message(MessageDescriptor),
    Enum(EnumDescriptor),
}

impl Wanted {
    fn name(&self) -> &str {
        match self {
            Self::Message(message) => message.full_name(),
            Self::Enum(of) => of.full_name(),
        }
    }
}

impl Definitions {
    fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(known) = known(message.full_name()) {
            return known;
        }
        self.refer(Wanted::Message(message.clone()))
    }

    fn refer(&mut self, wanted: Wanted) -> Value {
        let reference = format!("#/$defs/{}", wanted.name());
        self.wanted.push(wanted);
        json!({ "$ref": reference })
    }

    fn object(&mut self, message: &MessageDescriptor) -> Value {
        let mut properties = Map::new();
        for field in message.fields() {
            let mut property = self.field(&field);
            let comment = comments::of(&message.parent_file(), field.path());
            if let (Some(comment), Value::Object(property)) = (comment, &mut property) {
                property.insert("description".to_owned(), comment.into());
            }
            properties.insert(field.json_name().to_owned(), property);
        }
        let mut object = json!({
            "type": "object",
            "title": message.full_name(),
            "properties": properties,
            "additionalProperties": false,
        });
        if let Some(comment) = comments::of(&message.parent_file(), message.path()) {
            object["description"] = comment.into();
        }
        object
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                let value = self.kind(&entry.map_entry_value_field().kind());
                json!({ "type": "object", "additionalProperties": value })
            }
            kind if field.is_list() => json!({ "type": "array", "items": self.kind(&kind) }),
            kind => self.kind(&kind),
        }
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Double | Kind::Float => float(),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX })
            }
            Kind::Uint32 | Kind::Fixed32 => {
                json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => signed(),
            Kind::Uint64 | Kind::Fixed64 => unsigned(),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => bytes(),
            Kind::Message(message) => self.message(message),
            Kind::Enum(of) if of.full_name() == "google.protobuf.NullValue" => {
                json!({ "type": "null" })
            }
            Kind::Enum(of) => self.refer(Wanted::Enum(of.clone())),
        }
    }
}

fn enumeration(of: &EnumDescriptor) -> Value {
    let names: Vec<_> = of.values().map(|value| value.name().to_owned()).collect();
    json!({ "title": of.full_name(), "enum": names })
}

fn float() -> Value {
    json!({ "anyOf": [{ "type": "number" }, { "enum": ["NaN", "Infinity", "-Infinity"] }] })
}

fn signed() -> Value {
    json!({ "type": ["string", "integer"], "pattern": "^-?[0-9]+$" })
}

fn unsigned() -> Value {
    json!({ "type": ["string", "integer"], "pattern": "^[0-9]+$", "minimum": 0 })
}

fn bytes() -> Value {
    json!({ "type": "string", "contentEncoding": "base64" })
}

/// Of a type with a form of its own in JSON.
fn known(full_name: &str) -> Option<Value> {
    Some(match full_name.strip_prefix("google.protobuf.")? {
        "Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "Duration" => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$" }),
        "FieldMask" => json!({ "type": "string" }),
        "Any" => json!({ "type": "object", "properties": { "@type": { "type": "string" } } }),
        "Struct" => json!({ "type": "object" }),
        "ListValue" => json!({ "type": "array" }),
        "Value" => json!({}),
        "Empty" => json!({ "type": "object", "additionalProperties": false }),
        "DoubleValue" | "FloatValue" => float(),
        "Int64Value" => signed(),
        "UInt64Value" => unsigned(),
        "Int32Value" => json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }),
        "UInt32Value" => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        "BoolValue" => json!({ "type": "boolean" }),
        "StringValue" => json!({ "type": "string" }),
        "BytesValue" => bytes(),
        _ => return None,
    })
}

use std::collections::HashMap;

use prost_reflect::{
    DynamicMessage, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor,
    ReflectMessage as _, Value as Field,
};
use rpcplugin_core::{ProtocolError, escape_text};
use serde_json::{Map, Value};

use super::{
    DEEPEST, known,
    path::{Path, Segment},
    scalar,
};
use crate::dynamic::lookup::nearest;

/// The message of type `of` that `value` stands for. `start` is where `value` stands itself.
///
/// # Errors
///
/// `PROTOCOL_INVALID_MESSAGE` with the path of the first value that does not fit.
pub(in crate::dynamic) fn read(
    of: &MessageDescriptor,
    value: &Value,
    allow_unknown: bool,
    start: Option<Segment<'_>>,
) -> Result<DynamicMessage, ProtocolError> {
    Reader { path: Path::new(start), allow_unknown }.message(of, value)
}

pub(super) struct Reader<'v> {
    pub(super) path: Path<'v>,
    pub(super) allow_unknown: bool,
}

impl<'v> Reader<'v> {
    pub(super) fn message(
        &mut self,
        of: &MessageDescriptor,
        value: &'v Value,
    ) -> Result<DynamicMessage, ProtocolError> {
        if self.path.depth() > DEEPEST {
            return Err(self.path.refuse(format!("nested more than {DEEPEST} levels deep")));
        }
        if let Some(read) = known::reader(of.full_name()) {
            return read(self, of, value);
        }
        match value {
            Value::Object(object) => {
                let mut message = DynamicMessage::new(of.clone());
                self.fields(&mut message, object, None)?;
                Ok(message)
            }
            _ => Err(self.mismatch(&Kind::Message(of.clone()), value)),
        }
    }

    /// Reads the members of `object` into the fields of `message`; not the one called `except`.
    pub(super) fn fields(
        &mut self,
        message: &mut DynamicMessage,
        object: &'v Map<String, Value>,
        except: Option<&str>,
    ) -> Result<(), ProtocolError> {
        let of = message.descriptor();
        for (name, value) in object.iter().filter(|(name, _)| Some(name.as_str()) != except) {
            self.path.push(Segment::Field(name));
            match field_of(&of, name) {
                Some(Named::Field(field)) => self.field(message, object, &field, value)?,
                Some(Named::Extension(extension)) => {
                    let shape = Shape::of_extension(&extension);
                    if let Some(value) = self.shaped(&shape, value)? {
                        message.set_extension(&extension, value);
                    }
                }
                None if self.allow_unknown => {}
                None => return Err(self.unknown(&of, name)),
            }
            self.path.pop();
        }
        Ok(())
    }

    fn field(
        &mut self,
        message: &mut DynamicMessage,
        object: &Map<String, Value>,
        field: &FieldDescriptor,
        value: &'v Value,
    ) -> Result<(), ProtocolError> {
        let (name, json_name) = (field.name(), field.json_name());
        if name != json_name && object.contains_key(name) && object.contains_key(json_name) {
            return Err(self.path.refuse(format!("given twice, as {name} and as {json_name}")));
        }
        let Some(value) = self.shaped(&Shape::of(field), value)? else { return Ok(()) };
        if let Some(oneof) = field.containing_oneof()
            && let Some(other) = oneof.fields().find(|one| one != field && message.has_field(one))
        {
            let (oneof, other) = (oneof.name(), other.name());
            return Err(self.path.refuse(format!("the oneof {oneof} already has {other}")));
        }
        message.set_field(field, value);
        Ok(())
    }

    /// The value of a field; `None` if it is left as it is.
    fn shaped(&mut self, shape: &Shape, value: &'v Value) -> Result<Option<Field>, ProtocolError> {
        match shape {
            Shape::Single(kind) if value.is_null() && !known::has_null(kind) => Ok(None),
            Shape::Single(kind) => self.single(kind, value),
            Shape::List(_) | Shape::Map(_) if value.is_null() => Ok(None),
            Shape::List(kind) => {
                let Value::Array(items) = value else {
                    let expected = format!("a list of {}", scalar::expected(kind));
                    return Err(scalar::mismatch(&self.path, &expected, value));
                };
                let mut list = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    self.path.push(Segment::Index(index));
                    list.extend(self.single(kind, item)?);
                    self.path.pop();
                }
                Ok(Some(Field::List(list)))
            }
            Shape::Map(entry) => {
                let Value::Object(object) = value else {
                    return Err(scalar::mismatch(&self.path, "an object (a map)", value));
                };
                let (key_kind, kind) =
                    (entry.map_entry_key_field().kind(), entry.map_entry_value_field().kind());
                let mut map = HashMap::with_capacity(object.len());
                for (key, item) in object {
                    self.path.push(Segment::Key(key));
                    let key = scalar::map_key(&self.path, &key_kind, key)?;
                    if let Some(item) = self.single(&kind, item)? {
                        map.insert(key, item);
                    }
                    self.path.pop();
                }
                Ok(Some(Field::Map(map)))
            }
        }
    }

    fn single(&mut self, kind: &Kind, value: &'v Value) -> Result<Option<Field>, ProtocolError> {
        match kind {
            Kind::Message(of) => self.message(of, value).map(|read| Some(Field::Message(read))),
            Kind::Enum(of) => {
                let number = scalar::enum_number(&self.path, of, value, self.allow_unknown)?;
                Ok(number.map(Field::EnumNumber))
            }
            simple => scalar::read(&self.path, simple, value).map(Some),
        }
    }

    pub(super) fn mismatch(&self, kind: &Kind, value: &Value) -> ProtocolError {
        scalar::mismatch(&self.path, &scalar::expected(kind), value)
    }

    fn unknown(&self, of: &MessageDescriptor, name: &str) -> ProtocolError {
        let names = of.fields().map(|field| (field.name().to_owned(), field.name().to_owned()));
        ProtocolError::InvalidMessage {
            path: self.path.to_string(),
            detail: format!("{} has no such field", escape_text(of.full_name())),
            nearest: nearest(name, names, false),
        }
    }
}

enum Named {
    Field(FieldDescriptor),
    Extension(ExtensionDescriptor),
}

fn field_of(of: &MessageDescriptor, name: &str) -> Option<Named> {
    of.get_field_by_json_name(name)
        .or_else(|| of.get_field_by_name(name))
        .map(Named::Field)
        .or_else(|| of.get_extension_by_json_name(name).map(Named::Extension))
}

/// Whether a field holds one value, many, or many under keys.
enum Shape {
    Single(Kind),
    List(Kind),
    /// Of this type of entries.
    Map(MessageDescriptor),
}

impl Shape {
    fn of(field: &FieldDescriptor) -> Self {
        Self::new(field.kind(), field.is_list(), field.is_map())
    }

    fn of_extension(extension: &ExtensionDescriptor) -> Self {
        Self::new(extension.kind(), extension.is_list(), extension.is_map())
    }

    fn new(kind: Kind, is_list: bool, is_map: bool) -> Self {
        match kind {
            Kind::Message(entry) if is_map => Self::Map(entry),
            kind if is_list => Self::List(kind),
            kind => Self::Single(kind),
        }
    }
}

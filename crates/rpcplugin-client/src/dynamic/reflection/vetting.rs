//! What must hold of descriptors before others work with them.
//!
//! Those that a compiler writes are in order. A plugin may send anything.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    field_descriptor_proto::{Label, Type},
};
use rpcplugin_core::escape_text;

/// Looks at one file by itself.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn check(file: &FileDescriptorProto) -> Result<(), String> {
    let name = escape_text(file.name());
    for message in &file.message_type {
        check_message(message).map_err(|what| format!("in {name}, {what}"))?;
    }
    Ok(())
}

fn check_message(message: &DescriptorProto) -> Result<(), String> {
    let is_map_entry = message.options.as_ref().is_some_and(|options| options.map_entry());
    if is_map_entry && !is_entry(message) {
        return Err(format!("{} is no entry of a map", escape_text(message.name())));
    }
    for field in &message.field {
        if field.oneof_index.is_some_and(|index| {
            usize::try_from(index).map_or(true, |index| index >= message.oneof_decl.len())
        }) {
            return Err(format!("{} is in no oneof", escape_text(field.name())));
        }
    }
    message.nested_type.iter().try_for_each(check_message)
}

/// A map's entry has a key of a simple type and a value.
fn is_entry(message: &DescriptorProto) -> bool {
    let field = |number| message.field.iter().find(|field| field.number() == number);
    let single = |field: &FieldDescriptorProto| field.label() != Label::Repeated;
    let (Some(key), Some(value)) = (field(1), field(2)) else { return false };
    let is_key = !matches!(
        key.r#type(),
        Type::Double | Type::Float | Type::Group | Type::Message | Type::Bytes | Type::Enum
    ) && key.type_name.is_none();
    message.field.len() == 2 && is_key && single(key) && single(value)
}

/// The names of `files`, each after those that it imports.
///
/// # Errors
///
/// If they import each other in a circle.
pub(super) fn in_order(
    files: &BTreeMap<String, FileDescriptorProto>,
) -> Result<Vec<String>, String> {
    let mut order = Vec::new();
    let (mut done, mut open) = (BTreeSet::new(), BTreeSet::new());
    // Not by recursion: a chain of imports may be as long as there are files.
    let mut stack: Vec<(&str, bool)> = files.keys().map(|name| (name.as_str(), false)).collect();
    while let Some((name, imports_are_done)) = stack.pop() {
        if imports_are_done {
            open.remove(name);
            done.insert(name);
            order.push(name.to_owned());
            continue;
        }
        if done.contains(name) {
            continue;
        }
        if !open.insert(name) {
            return Err(format!("{} imports itself in a circle", escape_text(name)));
        }
        stack.push((name, true));
        for import in files.get(name).map_or(&[][..], |file| &file.dependency) {
            if open.contains(import.as_str()) {
                return Err(format!("{} imports itself in a circle", escape_text(import)));
            }
            if !done.contains(import.as_str()) {
                stack.push((import, false));
            }
        }
    }
    Ok(order)
}

use std::{collections::BTreeSet, fmt::Write as _};

use prost_reflect::{
    EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor, MethodDescriptor,
};

use super::comments;

/// The method and the types that it uses, in the language of `.proto` files.
pub(super) fn of(method: &MethodDescriptor) -> String {
    let mut text = String::new();
    let service = method.parent_service();
    comment(&mut text, "", comments::of(&service.parent_file(), service.path()));
    let _ = writeln!(text, "service {} {{", service.full_name());
    comment(&mut text, "  ", comments::of(&service.parent_file(), method.path()));
    let stream = |is: bool| if is { "stream " } else { "" };
    let _ = writeln!(
        text,
        "  rpc {}({}{}) returns ({}{});\n}}",
        method.name(),
        stream(method.is_client_streaming()),
        method.input().full_name(),
        stream(method.is_server_streaming()),
        method.output().full_name(),
    );
    let mut seen = BTreeSet::new();
    let mut open = vec![Kind::Message(method.output()), Kind::Message(method.input())];
    while let Some(kind) = open.pop() {
        match kind {
            Kind::Message(one) if is_shown(one.full_name(), &mut seen) => {
                message(&mut text, &one, &mut open);
            }
            Kind::Enum(one) if is_shown(one.full_name(), &mut seen) => enumeration(&mut text, &one),
            _ => {}
        }
    }
    text
}

fn is_shown(full_name: &str, seen: &mut BTreeSet<String>) -> bool {
    !full_name.starts_with("google.protobuf.") && seen.insert(full_name.to_owned())
}

fn message(text: &mut String, message: &MessageDescriptor, open: &mut Vec<Kind>) {
    let file = message.parent_file();
    text.push('\n');
    comment(text, "", comments::of(&file, message.path()));
    let _ = writeln!(text, "message {} {{", message.full_name());
    let mut used = Vec::new();
    for field in message.fields() {
        if field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic()) {
            line(text, "  ", &file, &field);
        }
        match field.kind() {
            Kind::Message(entry) if field.is_map() => {
                used.push(entry.map_entry_value_field().kind())
            }
            kind => used.push(kind),
        }
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        comment(text, "  ", comments::of(&file, oneof.path()));
        let _ = writeln!(text, "  oneof {} {{", oneof.name());
        for field in oneof.fields() {
            line(text, "    ", &file, &field);
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    // In the order of the fields, as the last one in is the first one out.
    open.extend(used.into_iter().rev());
}

fn line(text: &mut String, indent: &str, file: &FileDescriptor, field: &FieldDescriptor) {
    comment(text, indent, comments::of(file, field.path()));
    let kind = match field.kind() {
        Kind::Message(entry) if field.is_map() => {
            let (key, value) = (entry.map_entry_key_field(), entry.map_entry_value_field());
            format!("map<{:?}, {:?}>", key.kind(), value.kind())
        }
        kind if field.is_list() => format!("repeated {kind:?}"),
        kind if field.containing_oneof().is_some_and(|oneof| oneof.is_synthetic()) => {
            format!("optional {kind:?}")
        }
        kind => format!("{kind:?}"),
    };
    let _ = writeln!(text, "{indent}{kind} {} = {};", field.name(), field.number());
}

fn enumeration(text: &mut String, of: &EnumDescriptor) {
    let file = of.parent_file();
    text.push('\n');
    comment(text, "", comments::of(&file, of.path()));
    let _ = writeln!(text, "enum {} {{", of.full_name());
    for value in of.values() {
        comment(text, "  ", comments::of(&file, value.path()));
        let _ = writeln!(text, "  {} = {};", value.name(), value.number());
    }
    text.push_str("}\n");
}

fn comment(text: &mut String, indent: &str, comment: Option<String>) {
    for line in comment.iter().flat_map(|comment| comment.lines()) {
        let _ = writeln!(text, "{indent}// {line}");
    }
}

//! How prost and tonic name things, as far as prost does not say so itself.

use std::collections::BTreeSet;

use super::model::Service;
use crate::failure::Failure;

/// The name of a service's module, without `_server` or `_client`, as tonic makes it.
pub(super) fn tonic_snake(name: &str) -> String {
    let mut snake = String::new();
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        snake.push(letter.to_ascii_lowercase());
        if letters.peek().is_some_and(|next| next.is_uppercase()) {
            snake.push('_');
        }
    }
    snake
}

/// A type as it is named from the crate's root, of one that prost names from a module in it.
pub(super) fn from_root(module: &[String], name: &str) -> String {
    if name.starts_with("::") || name == "()" || is_primitive(name) {
        return name.to_owned();
    }
    let mut place = module;
    let mut rest = name;
    while let (Some(up), [above @ .., _]) = (rest.strip_prefix("super::"), place) {
        (rest, place) = (up, above);
    }
    format!("{}::{rest}", place.join("::"))
}

/// Whether it is a word of Rust, in place of a wrapper of google.protobuf.
pub(super) fn is_primitive(name: &str) -> bool {
    ["bool", "f32", "f64", "i32", "i64", "u32", "u64"].contains(&name)
}

/// Gives each service a file, a module and a type of its own.
pub(super) fn separate(services: &mut [Service]) {
    let (mut files, mut types) = (BTreeSet::new(), BTreeSet::new());
    for service in services {
        let long = service.full_name.to_ascii_lowercase().replace('.', "_");
        service.file = free(&mut files, [&service.file, &long], |name| {
            if KEYWORDS.contains(&name) { format!("{name}_") } else { name.to_owned() }
        });
        service.module.clone_from(&service.file);
        service.implementation =
            free(&mut types, [&service.implementation], |name| format!("{name}Service"));
    }
}

/// The first of these names that nobody has, or the last with a number.
fn free<const N: usize>(
    taken: &mut BTreeSet<String>,
    names: [&String; N],
    finish: impl Fn(&str) -> String,
) -> String {
    let numbered = (2..).map(|number| format!("{}{number}", names[N - 1]));
    let mut all = names.into_iter().cloned().chain(numbered).map(|name| finish(&name));
    // The numbers do not end before the services do.
    let name = all.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// Refuses what tonic's code does not compile with.
pub(super) fn check(services: &[Service]) -> Result<(), Failure> {
    for service in services {
        if OURS.contains(&&*service.full_name) {
            let message = format!("every plugin serves {} by itself", service.full_name);
            return Err(Failure::usage(message, "leave that service out"));
        }
        let mut taken = BTreeSet::from(CLIENT);
        for method in &service.methods {
            if !taken.insert(&method.function) {
                let message = format!(
                    "the method {}/{} needs a Rust function {}, which is there already",
                    service.full_name, method.name, method.function
                );
                return Err(Failure::usage(message, "give the method another name"));
            }
        }
    }
    Ok(())
}

/// What tonic's clients have besides the methods of the service.
const CLIENT: [&str; 7] = [
    "accept_compressed",
    "max_decoding_message_size",
    "max_encoding_message_size",
    "new",
    "send_compressed",
    "with_interceptor",
    "with_origin",
];

/// What a plugin serves besides its own services.
const OURS: [&str; 6] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "plugin.GRPCBroker",
    "plugin.GRPCController",
    "plugin.GRPCStdio",
];

/// Names that no file of a module has.
const KEYWORDS: [&str; 53] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "lib", "main",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn named(module: &str, name: &str, expected: &str) {
        let module: Vec<_> = module.split("::").map(str::to_owned).collect();
        assert_eq!(from_root(&module, name), expected);
    }

    #[test]
    fn types_are_named_from_the_root() {
        named("proto::a::v1", "Request", "proto::a::v1::Request");
        named("proto::a::v1", "outer::Inner", "proto::a::v1::outer::Inner");
        named("proto::a::v1", "super::v2::Request", "proto::a::v2::Request");
        named("proto::a::v1", "super::super::r#type::T", "proto::r#type::T");
        named("proto", "Request", "proto::Request");
        named("proto::a", "super::Request", "proto::Request");
        named("proto::a", "::prost_types::Any", "::prost_types::Any");
        named("proto::a", "()", "()");
        named("proto::a", "u32", "u32");
    }

    #[test]
    fn modules_are_those_of_tonic() {
        assert_eq!(tonic_snake("Greeter"), "greeter");
        assert_eq!(tonic_snake("HttpServer"), "http_server");
        assert_eq!(tonic_snake("Self_"), "self_");
    }
}

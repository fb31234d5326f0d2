//! Errors that nobody raises: their codes would promise what never comes.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use super::{Problem, sources};

const ERRORS: &str = "crates/rpcplugin-core/src/error/";

/// The enums, and the files that they are in.
const KINDS: [(&str, &str); 5] = [
    ("ConfigError", "config.rs"),
    ("HandshakeError", "handshake.rs"),
    ("ProtocolError", "protocol.rs"),
    ("TransportError", "transport.rs"),
    ("SecurityError", "security.rs"),
];

/// Looks for a place that makes each variant, outside of its own definition and of tests.
pub(super) fn check(root: &Path) -> Result<Vec<Problem>> {
    let mut missing = Vec::new();
    for (name, file) in KINDS {
        let place = format!("{ERRORS}{file}");
        let text = fs::read_to_string(root.join(&place))
            .with_context(|| format!("cannot read {place}"))?;
        let variants = variants(&text, name);
        ensure!(!variants.is_empty(), "{place} has no variants of {name}");
        missing.extend(variants.into_iter().map(|variant| (place.clone(), name, variant)));
    }
    sources::each(root, &mut |place, text| {
        if is_production(place) {
            let text = without_tests(text);
            missing.retain(|(_, name, variant)| !raises(text, &format!("{name}::{variant}")));
        }
    })?;
    let problem = |(place, name, variant)| {
        let message = format!("{name}::{variant} is raised nowhere; raise it, or remove it");
        Problem::new(place, "raised-errors", message)
    };
    Ok(missing.into_iter().map(problem).collect())
}

fn is_production(place: &str) -> bool {
    place.starts_with("crates/")
        && place.contains("/src/")
        && !place.starts_with(ERRORS)
        && !["/tests/", "/tests.rs", "/fuzzing"].iter().any(|part| place.contains(part))
}

/// Tests stand last in a file.
fn without_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(before, _)| before)
}

/// The names of an enum's variants.
fn variants(text: &str, name: &str) -> Vec<String> {
    let head = format!("pub enum {name} {{\n");
    let body = text.split_once(&head).map_or("", |(_, rest)| rest);
    let lines = body.lines().take_while(|line| *line != "}");
    lines.filter_map(variant).map(str::to_owned).collect()
}

fn variant(line: &str) -> Option<&str> {
    let line = line.strip_prefix("    ")?;
    let end = line.find(|c: char| !c.is_alphanumeric())?;
    let (name, rest) = line.split_at(end);
    (name.starts_with(char::is_uppercase) && [" {", ",", "("].contains(&rest)).then_some(name)
}

/// Whether one mention of the variant makes it, and does not match it.
fn raises(text: &str, variant: &str) -> bool {
    text.match_indices(variant).any(|(at, _)| {
        let rest = &text[at + variant.len()..];
        !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') && !is_pattern(rest)
    })
}

/// Whether what follows the name makes a pattern of it: `{ .. }`, or an arrow, bar or `=` behind.
fn is_pattern(rest: &str) -> bool {
    let rest = rest.trim_start();
    let (fields, behind) = match rest.strip_prefix('{') {
        Some(inside) => inside.split_at(closing(inside)),
        None => ("", rest),
    };
    let behind = behind.trim_start_matches('}').trim_start();
    fields.contains("..") || ["=>", "|", "= ", "if "].iter().any(|sign| behind.starts_with(sign))
}

/// Where the brace that is open at the beginning closes.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    let end = text.find(|c| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    end.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_are_those_of_the_enum_alone() {
        let text = "pub enum AError {\n    /// One.\n    #[error(\"x\")]\n    One,\n    Two {\n        \
                    Field: u8,\n    },\n}\n\npub enum BError {\n    Three,\n}\n";
        assert_eq!(variants(text, "AError"), ["One", "Two"]);
    }

    #[test]
    fn a_variant_is_raised_where_it_is_made() {
        assert!(raises("return Err(E::One);", "E::One"));
        assert!(raises("E::Two { a: format!(\"{b}\") }.into()", "E::Two"));
        assert!(raises("let x = |a| E::Two { a };", "E::Two"));
    }

    #[test]
    fn a_variant_is_not_raised_where_it_is_matched() {
        assert!(!raises("E::One => 1,", "E::One"));
        assert!(!raises("E::Two { a, .. } if a => 1,", "E::Two"));
        assert!(!raises("Err(E::Two { .. } | E::One | E::Three)", "E::One"));
        assert!(!raises("let E::Two { a } = error else { return };", "E::Two"));
        assert!(!raises("E::OneMore", "E::One"));
    }

    #[test]
    fn tests_raise_nothing() {
        assert!(!is_production("crates/a/src/b/tests.rs"));
        assert!(!is_production("crates/a/tests/b.rs"));
        assert!(is_production("crates/a/src/b.rs"));
        assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\n}\n"), "a\n");
        assert_eq!(without_tests("#[cfg(test)]\nmod tests;\na"), "#[cfg(test)]\nmod tests;\na");
    }
}

use std::collections::BTreeSet;

use super::plugin;

const WIRE_FORMAT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/wire-format.md"));

#[test]
fn rules_have_names_of_their_own_and_cite_sections_that_exist() {
    let mut names = BTreeSet::new();
    for rule in plugin::rules::ALL {
        assert!(names.insert(rule.id), "{} stands there twice", rule.id);
        let heading = format!("\n## {}\n", rule.section);
        assert!(WIRE_FORMAT.contains(&heading), "{}: no section {}", rule.id, rule.section);
        for text in [rule.title, rule.fix] {
            assert!(!text.ends_with('.') && !text.is_empty(), "{}: {text}", rule.id);
        }
    }
}

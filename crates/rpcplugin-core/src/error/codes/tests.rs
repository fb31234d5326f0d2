use std::collections::HashSet;

use super::*;

#[test]
fn no_code_stands_there_twice() {
    let mut seen = HashSet::new();
    for info in codes() {
        assert!(seen.insert(info.code), "{} has two rows", info.code);
    }
}

#[test]
fn each_part_is_written_as_sentences() {
    for CodeInfo { code, meaning, causes, remedy, .. } in codes() {
        for text in causes.iter().chain([meaning, remedy]) {
            let begins = !text.starts_with(char::is_lowercase) && !text.starts_with(' ');
            assert!(begins && text.ends_with('.'), "{code}: {text}");
        }
    }
}

#[test]
fn a_code_is_found_by_its_name_and_no_other_is() {
    assert!(codes().all(|info| CodeInfo::of(info.code) == Some(info)));
    assert_eq!(CodeInfo::of("handshake_timeout"), None);
    assert_eq!(CodeInfo::of(""), None);
}

#[test]
fn the_codes_of_settings_are_codes() {
    for setting in crate::config::Setting::ALL {
        assert!(CodeInfo::of(setting.code()).is_some(), "{setting}");
    }
}

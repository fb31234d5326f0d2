use std::fmt::Write as _;

use rpcplugin_core::{CodeInfo, Kind, codes};

use super::table::{code, table};

const INTRODUCTION: &str = "\
# Error codes

<!-- Written by `cargo xtask reference` from crates/rpcplugin-core/src/error/codes/. -->

Each error has one of five kinds, a stable code, and a hint.
`Error::code()`, `hint()` and `is_retryable()` tell them; `to_json()` gives them to machines, together with message and causes.
`CodeInfo::of(code)` has what stands on this page.
A call fails with tonic's `Status`; `error_from_status(&status)` makes one of these errors of it, and `crash_report(&status)` finds the report on a plugin whose end took the call along.
A plugin that fails to start writes its code and hint to stderr, and its host finds them there.

*Retryable* means: the same operation, unchanged, may succeed soon.
For calls that holds only if the method may run twice.

A code never changes its meaning, and is never used again for another one.
";

/// The whole of `docs/reference/errors.md`.
pub(super) fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let rows = codes().map(|info| {
        let CodeInfo { kind, code, meaning, retryable, .. } = info;
        let link = format!("[`{code}`](#{})", code.to_lowercase());
        vec![kind.to_string(), link, (*meaning).to_owned(), retryable.to_string()]
    });
    let _ = write!(page, "\n{}", table(&["Kind", "Code", "Meaning", "Retryable"], rows));
    let mut kind = None;
    for info in codes() {
        if kind != Some(info.kind) {
            kind = Some(info.kind);
            let _ = write!(page, "\n## {}\n\n{}\n", info.kind, of_kind(info.kind));
        }
        section(&mut page, info);
    }
    page
}

fn section(page: &mut String, info: &CodeInfo) {
    let _ = write!(page, "\n### {}\n\n{}\n\nCauses:\n\n", code(info.code), info.meaning);
    for cause in info.causes {
        let _ = writeln!(page, "- {cause}");
    }
    let _ = write!(page, "\nRemedy: {}\n\nRetryable: {}.\n", info.remedy, info.retryable);
}

const fn of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Config => "A setting cannot work. Nothing was started.",
        Kind::Handshake => "A plugin did not start, or did not introduce itself as one.",
        Kind::Protocol => "A peer broke the rules of a protocol, or a call ended with a status.",
        Kind::Transport => "A connection could not be made, or was lost.",
        Kind::Security => {
            "A security condition is not met. Nothing was sent, or the call was refused; it is \
             never a warning."
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_section_that_the_table_leads_to() {
        let page = page();
        for CodeInfo { code, .. } in codes() {
            assert!(page.contains(&format!("(#{})", code.to_lowercase())), "{code}");
            assert!(page.contains(&format!("\n### `{code}`\n")), "{code}");
        }
    }

    #[test]
    fn every_kind_has_a_sentence() {
        assert!(codes().all(|info| !of_kind(info.kind).is_empty()));
    }
}

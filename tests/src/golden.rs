//! Errors as a person and a machine see them, compared with what was written down.
//!
//! `tests/snapshots/CODE.case.snap` has the graphical form that miette gives an error, 100 columns
//! wide and without colours, and below it the JSON. What differs from run to run (process numbers,
//! temporary directories, ports, times, fingerprints) is replaced first, so that lines break
//! where they always do. `INSTA_UPDATE=always cargo test -p rpcplugin-tests` writes them anew.

use std::{borrow::Cow, error::Error as StdError, fmt, path::Path, sync::LazyLock};

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use regex::Regex;
use rpcplugin::Error;
use serde_json::{Value, json};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");
const WIDTH: usize = 100;

/// Compares an error with the snapshot `CODE.case`.
///
/// # Panics
///
/// If the code is another one, or any word.
#[track_caller]
pub fn golden(name: &str, error: &Error) {
    let (code, _) = name.split_once('.').expect("a snapshot is named CODE.case");
    assert_eq!(error.code(), code, "{error:?}");
    let mut text = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(WIDTH)
        .render_report(&mut text, &Masked::of(error))
        .expect("a string takes all that is written");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut json = error.to_json();
    mask_json(&mut json);
    let json = serde_json::to_string_pretty(&json).expect("it is JSON");
    compare(name, &format!("{}\n\n{json}", lines.join("\n").trim_matches('\n')));
}

/// Compares a line that was logged, or written to stderr by a plugin, with the snapshot
/// `CODE.case`.
///
/// # Panics
///
/// If the code is not in it, or if any word differs.
#[track_caller]
pub fn golden_line(name: &str, line: &str) {
    let (code, _) = name.split_once('.').expect("a snapshot is named CODE.case");
    assert!(line.contains(code), "{code} is not in: {line}");
    compare(name, &mask(line));
}

#[track_caller]
fn compare(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(DIRECTORY));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_input_file("tests");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// What differs from run to run, and what stands for it.
fn filters() -> &'static [(Regex, &'static str)] {
    static FILTERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let temporary = std::env::temp_dir();
        let temporary = regex::escape(temporary.to_str().expect("paths of tests are text"));
        let programs = crate::host::program("");
        let programs = regex::escape(programs.to_str().expect("paths of tests are text"));
        [
            (programs.as_str(), "[PROGRAMS]/"),
            (&format!("{temporary}/(case|scratch)-[A-Za-z0-9]+"), "[$1]"),
            (r"(\[case\]/rpcplugin)[A-Za-z0-9_.-]+", "$1[ID]"),
            (r"\bevil\d+", "evil[PID]"),
            (r"\bplugin[a-z0-9]{10}\b", "plugin[ID]"),
            (r"\bverification time \d+", "verification time [NOW]"),
            (r"\b\d+ seconds ago\b", "[SECONDS] seconds ago"),
            (r"\bMII[A-Za-z0-9+/=]{200,}", "[CERTIFICATE]"),
            (r"(too long: )\d+", "$1[SIZE]"),
            (r"\bpid \d+", "pid [PID]"),
            (r"\bprocess(es)? \d+", "process [PID]"),
            (r"\balive [^,\n]+", "alive [TIME]"),
            (r"\n  peak: [^\n]*", ""),
            (r"\b127\.0\.0\.1:\d{4,5}\b", "127.0.0.1:[PORT]"),
            (r"\b[0-9a-f]{64}\b", "[SHA-256]"),
            (r"\b([0-9A-F]{2}:){31}[0-9A-F]{2}\b", "[FINGERPRINT]"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.0-9]*(Z|[+-]\d\d:?\d\d)", "[TIMESTAMP]"),
            (r"\b(user|owner) \d+(:\d+)?", "$1 [ID]"),
        ]
        .into_iter()
        .map(|(pattern, with)| (Regex::new(pattern).expect("patterns are valid"), with))
        .collect()
    });
    &FILTERS
}

fn mask(text: &str) -> String {
    let replace =
        |text: String, (pattern, with): &(Regex, &str)| match pattern.replace_all(&text, *with) {
            Cow::Borrowed(_) => text,
            Cow::Owned(new) => new,
        };
    filters().iter().fold(text.to_owned(), replace)
}

/// The same for JSON: strings by their text, numbers by their names.
fn mask_json(value: &mut Value) {
    match value {
        Value::String(text) => *text = mask(text),
        Value::Array(items) => items.iter_mut().for_each(mask_json),
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "pid" if value.is_number() => *value = json!("[PID]"),
                    "alive_ms" => *value = json!("[TIME]"),
                    "peak" => *value = json!("[PEAK]"),
                    _ => mask_json(value),
                }
            }
        }
        _ => {}
    }
}

/// An error with everything replaced that differs from run to run.
#[derive(Debug)]
struct Masked {
    message: String,
    code: Option<String>,
    help: Option<String>,
    cause: Option<Box<Self>>,
    related: Vec<Self>,
}

impl Masked {
    fn of(diagnostic: &dyn Diagnostic) -> Self {
        Self {
            message: mask(&diagnostic.to_string()),
            code: diagnostic.code().map(|code| code.to_string()),
            help: diagnostic.help().map(|help| mask(&help.to_string())),
            cause: diagnostic.source().map(|cause| Box::new(Self::cause(cause))),
            related: diagnostic.related().into_iter().flatten().map(Self::of).collect(),
        }
    }

    fn cause(error: &dyn StdError) -> Self {
        let cause = error.source().map(|cause| Box::new(Self::cause(cause)));
        let message = mask(&error.to_string());
        Self { message, code: None, help: None, cause, related: Vec::new() }
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Masked {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl Diagnostic for Masked {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code.as_ref().map(|code| Box::new(code) as _)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let related = self.related.iter().map(|one| one as &dyn Diagnostic);
        (!self.related.is_empty()).then(|| Box::new(related) as _)
    }
}

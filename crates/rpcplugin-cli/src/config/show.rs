use std::io::{self, Write};

use clap::Args;
use rpcplugin::config::{Entry, Source};
use serde_json::{Value, json};

use super::Layers;
use crate::{
    failure::Failure,
    output::{Answer, FAINT, Output, STRONG},
};

/// Show the settings that a program started here would have.
///
/// They come from the defaults, the files and the environment of this process. No secret is
/// shown.
#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    layers: Layers,
    /// Tell where each value came from, and what it won over.
    #[arg(long)]
    sources: bool,
    /// Show every setting with its meaning, not only those that somebody set.
    #[arg(long)]
    all: bool,
}

impl Show {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let Self { layers, sources, all } = self;
        let config = layers.load()?;
        let entries: Vec<Entry> =
            config.entries().filter(|entry| all || entry.source != Source::Default).collect();
        for warning in config.warnings() {
            out.remark(format_args!("warning: {warning}"));
        }
        let json = || {
            let files = config.files().iter().map(|file| file.to_string_lossy());
            json!({
                "settings": entries.iter().map(to_json).collect::<Vec<_>>(),
                "files": files.collect::<Vec<_>>(),
                "profile": config.profile(),
                "warnings": config.warnings(),
            })
        };
        out.show(json, |f| {
            if entries.is_empty() {
                return writeln!(f, "Every setting has its default; --all lists them.");
            }
            table(f, &entries, sources, all)
        })?;
        Ok(Answer::Yes)
    }
}

/// The name in files, or of the variable for those that say what files there are.
fn name(entry: &Entry) -> String {
    entry.setting.key().unwrap_or_else(|| entry.setting.variable().to_owned())
}

fn to_json(entry: &Entry) -> Value {
    let setting = entry.setting;
    let overridden = entry
        .overridden
        .iter()
        .map(|one| json!({ "value": one.value, "source": source_to_json(&one.source) }));
    json!({
        "key": setting.key(),
        "variable": setting.variable(),
        "value": entry.value,
        "source": source_to_json(&entry.source),
        "overridden": overridden.collect::<Vec<_>>(),
        "default": setting.default().map(|value| value.to_string()),
        "meaning": setting.meaning(),
        "type": setting.form().name(),
        "expected": setting.form().expected(),
        "reader": setting.reader().to_string(),
        "theme": setting.theme(),
        "reloadable": setting.is_reloadable(),
        "secret": setting.is_secret(),
    })
}

fn source_to_json(source: &Source) -> Value {
    match source {
        Source::Default => json!({ "layer": "default" }),
        Source::BuiltInProfile(name) => json!({ "layer": "profile", "profile": name }),
        Source::Program => json!({ "layer": "program" }),
        Source::File(place) => json!({
            "layer": "file",
            "file": place.path().to_string_lossy(),
            "line": place.line(),
            "column": place.column(),
        }),
        Source::Variable(name) => json!({ "layer": "environment", "variable": name }),
        other => json!({ "layer": other.to_string() }),
    }
}

fn table(f: &mut dyn Write, entries: &[Entry], sources: bool, all: bool) -> io::Result<()> {
    let width = entries.iter().map(|entry| name(entry).len()).max().unwrap_or(0);
    let mut theme = "";
    for entry in entries {
        if all && entry.setting.theme() != theme {
            let gap = if theme.is_empty() { "" } else { "\n" };
            theme = entry.setting.theme();
            writeln!(f, "{gap}{STRONG}{theme}{STRONG:#}")?;
        }
        let value = entry.value.as_deref().unwrap_or("(unset)");
        write!(f, "{:width$}  {STRONG}{value}{STRONG:#}", name(entry))?;
        if all {
            write!(f, "  {FAINT}{}{FAINT:#}", entry.setting.meaning())?;
        }
        writeln!(f)?;
        if sources {
            writeln!(f, "{:width$}  {FAINT}from {}{FAINT:#}", "", entry.source)?;
            for lost in &entry.overridden {
                let (value, source) = (&lost.value, &lost.source);
                writeln!(f, "{:width$}  {FAINT}over {value} from {source}{FAINT:#}", "")?;
            }
        }
    }
    Ok(())
}

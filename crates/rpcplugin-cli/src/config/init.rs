use std::{
    fmt::Write as _,
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use rpcplugin::config::{Setting, Value};
use serde_json::{Map, Value as Json, json};

use crate::{
    failure::Failure,
    output::{Answer, Output},
};

/// Begin a configuration file: every setting with its meaning and its default.
///
/// In YAML and TOML each setting stands in a comment, because what a file says wins over the
/// program: remove the "# " from those that you change. JSON knows no comments, so there the
/// settings that have a default stand with it.
#[derive(Args, Debug)]
pub(super) struct Init {
    /// The file to write; without one it goes to stdout.
    file: Option<PathBuf>,
    /// The format without a file, whose extension tells it: yaml if not given.
    #[arg(long)]
    format: Option<Format>,
    /// Replace a file that exists.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Format {
    Yaml,
    Json,
    Toml,
}

impl Init {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let format = self.format()?;
        let text = format.write();
        match &self.file {
            Some(path) => {
                write(path, &text, self.force)?;
                out.show(
                    || json!({ "file": path.to_string_lossy(), "format": format.name() }),
                    |f| writeln!(f, "wrote {}", path.display()),
                )?;
            }
            None => {
                out.show(
                    || json!({ "format": format.name(), "text": text }),
                    |f| f.write_all(text.as_bytes()),
                )?;
            }
        }
        Ok(Answer::Yes)
    }

    fn format(&self) -> Result<Format, Failure> {
        let Some(path) = &self.file else { return Ok(self.format.unwrap_or(Format::Yaml)) };
        let named = match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml" | "yml") => Format::Yaml,
            Some("json") => Format::Json,
            Some("toml") => Format::Toml,
            _ => {
                return Err(Failure::usage(
                    format!("{} does not end in .yaml, .yml, .json or .toml", path.display()),
                    "programs tell the format of a file by its extension",
                ));
            }
        };
        match self.format {
            Some(format) if format != named => Err(Failure::usage(
                format!("{} would hold {}", path.display(), format.name()),
                "leave --format out, or name the file after it",
            )),
            _ => Ok(named),
        }
    }
}

impl Format {
    const fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Toml => "toml",
        }
    }

    fn write(self) -> String {
        // Those that say what files there are cannot stand in one.
        let settings = Setting::ALL.iter().filter_map(|setting| Some((setting.key()?, *setting)));
        match self {
            Self::Json => {
                let defaults =
                    settings.filter_map(|(key, setting)| Some((key, to_json(&setting.default()?))));
                format!("{:#}\n", Json::from(Map::from_iter(defaults)))
            }
            Self::Yaml => commented(settings, ": "),
            Self::Toml => commented(settings, " = "),
        }
    }
}

fn commented(settings: impl Iterator<Item = (String, Setting)>, between: &str) -> String {
    let mut text = String::from(
        "## Settings of rpcplugin. Each stands here with its default; remove the \"# \" from those\n\
         ## that you change. What stands here wins over the program, and loses to the environment.\n",
    );
    let mut theme = "";
    for (key, setting) in settings {
        if setting.theme() != theme {
            theme = setting.theme();
            let _ = write!(text, "\n### {theme}\n");
        }
        let reader = match setting.reader().to_string().as_str() {
            "both" => String::new(),
            side => format!(" ({side} only)"),
        };
        let (meaning, form) = (setting.meaning(), setting.form());
        let _ = write!(
            text,
            "\n## {meaning}{reader}\n## {}: {}\n# {key}{between}",
            form.name(),
            form.expected()
        );
        // Scalars and lists of JSON are the same in YAML and in TOML.
        let default = setting.default().map(|value| to_json(&value).to_string());
        text.push_str(default.as_deref().unwrap_or_default());
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Flag(flag) => json!(flag),
        Value::Number(number) => json!(number),
        Value::Versions(versions) => json!(versions),
        Value::Names(names) => json!(names),
        Value::Networks(networks) => networks.iter().map(ToString::to_string).collect(),
        other => json!(other.to_string()),
    }
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    match force {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let mut file = options.open(path).map_err(Failure::writing(path))?;
    file.write_all(text.as_bytes()).map_err(Failure::writing(path))
}

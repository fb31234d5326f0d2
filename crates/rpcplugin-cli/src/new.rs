//! `rpcplugin new`: a project that builds, runs and passes its own test at once.

use std::{
    fmt,
    path::{self, Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use self::{cookie::Cookie, name::Name, project::Project};
use crate::{
    failure::Failure,
    output::{Answer, FAINT, GOOD, Output, STRONG},
};

mod cookie;
mod error;
mod model;
mod name;
mod names;
mod project;
mod proto;
mod python;
mod render;
mod steps;
mod templates;
mod write;

pub(crate) use self::error::ProtoError;

/// Begin a project: a plugin or a host that builds, runs and passes its own test at once.
///
/// Without --proto its service is a greeting, which is the same in every language, so that a new
/// host can be tried with any new plugin. With --proto the project gets a copy of the files and of
/// what they import, and a function for each method, which answers UNIMPLEMENTED until it is
/// written.
#[derive(Args, Debug)]
pub(crate) struct New {
    /// What the project is to be.
    kind: Kind,
    /// Its name: letters from a to z, digits, - and _.
    name: Name,
    /// The directory to write to, which must be empty or not there: NAME if not given.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The language of the project. Hosts are in Rust.
    #[arg(long, default_value = "rust")]
    lang: Language,
    /// A .proto file with the services to serve or to call. May be given again.
    #[arg(long = "proto", value_name = "FILE")]
    protos: Vec<PathBuf>,
    /// A folder that the paths of imports begin at: the folder of FILE if not given. May be given
    /// again.
    #[arg(long = "include", short = 'I', value_name = "DIR", requires = "protos")]
    includes: Vec<PathBuf>,
    /// The cookie that host and plugin share, if not the one made of the service's name.
    #[arg(long, value_name = "KEY=VALUE")]
    cookie: Option<Cookie>,
    /// Depend on the crate rpcplugin in this directory, not on the published one.
    #[arg(long, value_name = "PATH")]
    rpcplugin: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A program that a host starts, and that serves
    Plugin,
    /// A program that starts plugins, and calls them
    Host,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Language {
    Rust,
    /// On grpcio, without a library for plugins
    Python,
    /// On HashiCorp's go-plugin
    Go,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plugin => "plugin",
            Self::Host => "host",
        })
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::Go => "Go",
        })
    }
}

impl New {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        self.check()?;
        let directory = self.path.clone().unwrap_or_else(|| self.name.as_str().into());
        write::must_be_free(&directory)?;
        let (kind, language) = (self.kind, self.lang);
        let project = Project::new(self)?;
        let files = render::files(&project)?;
        write::write(&directory, &files)?;
        write::format(&directory, &files);

        let steps = steps::of(&project, &directory);
        let names: Vec<_> = files.iter().map(|file| &*file.name).collect();
        out.show(
            || {
                json!({
                    "kind": kind,
                    "language": language,
                    "name": project.name,
                    "directory": absolute(&directory).to_string_lossy(),
                    "files": names,
                    "services": project.interface.services.iter().map(|service| &service.full_name)
                        .collect::<Vec<_>>(),
                    "next": steps.iter().map(|step| &step.command).collect::<Vec<_>>(),
                })
            },
            |f| {
                writeln!(
                    f,
                    "{GOOD}wrote{GOOD:#} the {kind} {STRONG}{}{STRONG:#} in {language} to {}:",
                    project.name,
                    directory.display()
                )?;
                for name in &names {
                    writeln!(f, "  {FAINT}{name}{FAINT:#}")?;
                }
                writeln!(f, "\nnext:")?;
                let width = steps.iter().map(|step| step.command.len()).max().unwrap_or(0);
                steps.iter().try_for_each(|step| {
                    writeln!(
                        f,
                        "  {STRONG}{:width$}{STRONG:#}  {FAINT}# {}{FAINT:#}",
                        step.command, step.what
                    )
                })
            },
        )?;
        Ok(Answer::Yes)
    }

    /// Refuses what there is no template for.
    fn check(&self) -> Result<(), Failure> {
        if self.kind == Kind::Host && self.lang != Language::Rust {
            return Err(Failure::usage(
                format!("there is no host in {}", self.lang),
                "leave --lang out: a host in Rust starts plugins in any language",
            ));
        }
        if self.lang == Language::Go && !self.protos.is_empty() {
            return Err(Failure::usage(
                "a project in Go does not take --proto",
                "leave --proto out, and have protoc make Go of your file: README.md tells how",
            ));
        }
        if self.lang != Language::Rust && self.rpcplugin.is_some() {
            return Err(Failure::usage(
                format!("a project in {} does not depend on the crate rpcplugin", self.lang),
                "leave --rpcplugin out",
            ));
        }
        Ok(())
    }
}

/// The path from the root, also of what is not there yet.
fn absolute(path: &Path) -> PathBuf {
    path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

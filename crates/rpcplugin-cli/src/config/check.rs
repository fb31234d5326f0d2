use std::path::PathBuf;

use clap::Args;
use rpcplugin::{Config, Error, core::ConfigError};
use serde_json::json;

use crate::{
    failure::Failure,
    output::{Answer, BAD, GOOD, Output},
};

/// Say whether a file is a valid configuration: exit code 0 if it is, 1 if not.
///
/// The file is looked at by itself, without the environment, first as it is and then with each
/// of its profiles. Everything that is wrong is shown, with its place. The certificates and keys
/// that it names are read.
#[derive(Args, Debug)]
pub(super) struct Check {
    /// A YAML, JSON or TOML file, by its extension.
    file: PathBuf,
    /// Check this profile alone, instead of each.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

impl Check {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let (profile, outcome) = self.outcome();
        let error = match outcome {
            Ok(()) => None,
            // A file that is not there is no invalid one: there is nothing to answer about.
            Err(error) if self.is_unreadable(&error) => return Err(error.into()),
            Err(error) => Some(error),
        };
        let file = self.file.display();
        let json = || {
            // One error that lists several is those.
            let problems = match error.as_ref().map(Error::to_json) {
                None => json!([]),
                Some(one) => one.get("problems").cloned().unwrap_or_else(|| json!([one])),
            };
            json!({
                "file": self.file.to_string_lossy(),
                "valid": error.is_none(),
                "profile": profile,
                "problems": problems,
            })
        };
        out.show(json, |f| match (&error, &profile) {
            (None, _) => writeln!(f, "{file}: {GOOD}valid{GOOD:#}"),
            (Some(_), None) => writeln!(f, "{file}: {BAD}not valid{BAD:#}"),
            (Some(_), Some(profile)) => {
                writeln!(f, "{file}: {BAD}not valid{BAD:#} with the profile {profile}")
            }
        })?;
        if let Some(error) = &error {
            out.diagnose(error);
        }
        Ok(Answer::of(error.is_none()))
    }

    fn is_unreadable(&self, error: &Error) -> bool {
        matches!(error, Error::Config { source: ConfigError::Unreadable { path, .. }, .. }
            if *path == self.file)
    }

    /// The first that fails, and the profile that it failed with.
    fn outcome(&self) -> (Option<String>, Result<(), Error>) {
        let build = |profile: Option<&str>| {
            let builder = Config::builder().file(&self.file);
            match profile {
                Some(name) => builder.profile(name).build(),
                None => builder.build(),
            }
        };
        if let Some(profile) = &self.profile {
            return (Some(profile.clone()), build(Some(profile)).map(drop));
        }
        let plain = match build(None) {
            Ok(config) => config,
            Err(error) => return (None, Err(error)),
        };
        for profile in plain.profiles() {
            if let Err(error) = build(Some(profile)) {
                return (Some(profile.to_owned()), Err(error));
            }
        }
        (None, Ok(()))
    }
}

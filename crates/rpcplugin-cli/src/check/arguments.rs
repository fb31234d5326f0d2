use std::{ffi::OsString, time::Duration};

use clap::{Args, builder::PossibleValuesParser};
use rpcplugin::tls::{Identity, IdentityParams};

use super::target::{Limits, Target};
use crate::{
    failure::Failure,
    launch::{
        pairs,
        preset::{self, Preset},
        values,
    },
};

/// How the peer is started; as with the other commands, as far as it makes sense here.
#[derive(Args, Debug)]
#[command(next_help_heading = "The program")]
pub(crate) struct Launch {
    /// The cookie that host and plugin have agreed on; otherwise that of the preset.
    #[arg(long, value_name = "KEY=VALUE")]
    cookie: Option<OsString>,
    /// Cookie and versions of the plugins of a well-known application.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(preset::names()))]
    preset: Option<String>,
    /// The versions of the application's protocol that it speaks, such as 5,6 [default: 1].
    #[arg(
        long = "protocol-version",
        visible_alias = "versions",
        value_name = "VERSIONS",
        value_delimiter = ','
    )]
    versions: Vec<u32>,
    /// A variable for its environment, beside PATH, HOME, USER, LANG, LC_… and TZ; without a
    /// value, that of this command's environment. May be given again.
    #[arg(long, value_name = "KEY[=VALUE]")]
    env: Vec<OsString>,
    /// How long a plugin may take to print its line, such as 10s or 500ms.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::start_timeout)]
    timeout: Duration,
    /// How many times as long as the protocol allows all else may take: for slow machines.
    #[arg(long, value_name = "TIMES", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=100))]
    patience: u32,
    /// The program and its arguments.
    #[arg(last = true, value_name = "PROGRAM", required_unless_present = "list")]
    pub(crate) command: Vec<OsString>,
}

impl Launch {
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        let mut words = self.command.iter().cloned();
        let program = words.next().ok_or_else(|| {
            Failure::usage("no program is given", "it stands with its arguments after --")
        })?;
        let preset = self.preset.as_deref().and_then(Preset::named);
        let cookie = match (&self.cookie, preset) {
            (Some(pair), _) => pairs::cookie(pair)?,
            (None, Some(preset)) => preset.cookie()?,
            (None, None) => {
                return Err(Failure::usage(
                    "no cookie was given",
                    "--cookie KEY=VALUE names it; the author of the program knows it",
                ));
            }
        };
        let versions = match (self.versions.as_slice(), preset) {
            ([], Some(preset)) => preset.versions.clone(),
            ([], None) => vec![1],
            (given, _) => given.to_vec(),
        };
        let value = cookie.value_for_launch()?.to_owned();
        Ok(Target {
            program,
            arguments: words.collect(),
            cookie: (cookie.key().to_owned(), value),
            versions,
            env: self.environment(preset)?,
            identity: Identity::generate(&IdentityParams::new())?,
            limits: Limits::new(self.timeout, self.patience),
        })
    }

    fn environment(&self, preset: Option<&Preset>) -> Result<Vec<(OsString, OsString)>, Failure> {
        let inherited = std::env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            matches!(&*name, "PATH" | "HOME" | "USER" | "LANG" | "TZ") || name.starts_with("LC_")
        });
        let preset = preset.into_iter().flat_map(|preset| &preset.env);
        let mut all: Vec<(OsString, OsString)> =
            inherited.chain(preset.map(|(name, value)| (name.into(), value.into()))).collect();
        for pair in &self.env {
            all.push(pairs::variable(pair)?);
        }
        Ok(all)
    }
}

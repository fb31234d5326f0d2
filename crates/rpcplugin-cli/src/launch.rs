//! What the commands share that need a plugin: how it is named, started and ended.
//!
//! A command puts [`Launch`] at the end of its arguments, makes a [`Plan`] of it, and works with
//! the plugin in [`Plan::run`].
//!
//! **Invariant:** whatever ends a command, also Ctrl-C, SIGTERM and a reader that is gone, the
//! plugin that it started ends with it, and the library clears up.

use std::{ffi::OsString, time::Duration};

use clap::{Args, builder::PossibleValuesParser};
use rpcplugin::{MagicCookie, client::Network};
use tokio::process::Command;

use crate::{config::Layers, failure::Failure};

mod descriptors;
pub(crate) mod pairs;
mod plan;
pub(crate) mod preset;
mod progress;
pub(crate) mod signals;
mod target;
mod tls;
pub(crate) mod values;

use self::{
    descriptors::Descriptors, preset::Preset, progress::progress, target::Target, tls::Protection,
};
pub(crate) use self::{
    plan::{Plan, runtime},
    signals::Signals,
    values::duration,
};

/// How the plugin is started, or which one that runs already is meant.
///
/// The program stands where the command says, or with its arguments after `--`.
#[derive(Args, Debug)]
#[command(next_help_heading = "The plugin")]
pub(crate) struct Launch {
    /// The cookie that the plugin looks for in its environment; otherwise that of the preset, or
    /// PLUGIN_MAGIC_COOKIE_KEY and PLUGIN_MAGIC_COOKIE_VALUE.
    #[arg(long, value_name = "KEY=VALUE")]
    cookie: Option<OsString>,
    /// Cookie and versions of the plugins of a well-known application.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(preset::names()))]
    preset: Option<String>,
    /// The versions of the application's protocol to offer, such as 5,6 [default: 1].
    #[arg(
        long = "protocol-version",
        visible_alias = "versions",
        value_name = "VERSIONS",
        value_delimiter = ','
    )]
    versions: Vec<u32>,
    /// The networks that it may listen on, the preferred one first [default: unix,tcp].
    #[arg(long, value_name = "NETWORKS", value_delimiter = ',', value_parser = values::network)]
    transport: Vec<Network>,
    #[command(flatten)]
    protection: Protection,
    /// Carry side channels on the main connection.
    #[arg(long)]
    mux: bool,
    /// A variable for the plugin's environment; without a value, that of this command's
    /// environment. May be given again.
    #[arg(long, value_name = "KEY[=VALUE]")]
    env: Vec<OsString>,
    /// Pass the whole environment on, not only what every program needs.
    #[arg(long)]
    inherit_env: bool,
    /// How long the start may take, such as 10s or 500ms [default: 60s].
    #[arg(long, value_name = "DURATION", value_parser = values::start_timeout)]
    timeout: Option<Duration>,
    #[command(flatten)]
    layers: Layers,
    #[command(flatten)]
    descriptors: Descriptors,
    /// Go on with a plugin that runs, by the record that it or its host printed: JSON, a file,
    /// or - for stdin.
    #[arg(long, value_name = "JSON|FILE|-", conflicts_with_all = ["connect", "program"])]
    attach: Option<OsString>,
    /// Which record, where --attach has several.
    #[arg(long, value_name = "NAME", requires = "attach")]
    attach_name: Option<String>,
    /// Connect to a plugin that somebody else runs: /PATH of a socket, or IP:PORT.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "program")]
    connect: Option<String>,
    /// Variables of settings that the command itself has an option for.
    #[arg(skip)]
    settings: Vec<(&'static str, String)>,
    /// The program with its arguments.
    #[arg(last = true, value_name = "PROGRAM")]
    program: Vec<OsString>,
}

impl Launch {
    /// Whether the plugin is named by an option, so that the command's first word is not it.
    fn names_it(&self) -> bool {
        self.attach.is_some() || self.connect.is_some() || !self.program.is_empty()
    }

    /// Tells the plugin among a command's words, where it is the first if no option names it, from
    /// the command's own, of which there are at most so many.
    ///
    /// # Errors
    ///
    /// Wrong usage: more words than these.
    pub(crate) fn words<const OWN: usize>(
        &self,
        words: impl IntoIterator<Item = Option<OsString>>,
    ) -> Result<(Option<OsString>, [Option<OsString>; OWN]), Failure> {
        let mut words = words.into_iter().flatten();
        let plugin = if self.names_it() { None } else { words.next() };
        let own = std::array::from_fn(|_| words.next());
        match words.next() {
            None => Ok((plugin, own)),
            Some(_) => Err(Failure::usage(
                "there is a word too many, since an option or -- names the plugin",
                "a plugin that takes arguments stands with them after --, and nowhere else",
            )),
        }
    }

    /// Sets a setting by its variable, as an option does.
    pub(crate) fn set(&mut self, variable: &'static str, value: impl Into<String>) {
        self.settings.push((variable, value.into()));
    }

    /// Everything that can be known before anything starts. `plugin` is the program that the
    /// command's own arguments name.
    ///
    /// # Errors
    ///
    /// Wrong usage; those of the configuration, and of certificates.
    pub(crate) fn plan(self, plugin: Option<OsString>) -> Result<Plan, Failure> {
        let preset = self.preset.as_deref().and_then(Preset::named);
        let target = self.target(plugin, preset)?;
        let environment: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        let config =
            self.layers.clone().builder().environment(self.overlaid(&environment)).build()?;
        let cookie = match &self.cookie {
            Some(pair) => pairs::cookie(pair)?,
            None => match (preset, &target) {
                (Some(preset), _) => preset.cookie()?,
                // It has been launched already.
                (None, Target::Attach(_) | Target::Connect(_)) => random()?,
                (None, Target::Program(_)) => MagicCookie::from_config(&config)
                    .map_err(|_| Failure::usage("no cookie was given", NO_COOKIE))?,
            },
        };
        let mut builder = rpcplugin::Client::builder(cookie).environment(environment);
        if let Some(preset) = preset {
            builder = builder.versions(preset.versions.iter().copied());
        }
        builder = self.protection.apply(builder, &target)?;
        builder = self.descriptors.apply(builder)?;
        Ok(Plan { builder: builder.config(config), target, leaves_ctrl_c: false })
    }

    fn target(&self, plugin: Option<OsString>, preset: Option<&Preset>) -> Result<Target, Failure> {
        if let Some(source) = &self.attach {
            return target::record(source, self.attach_name.as_deref()).map(Target::Attach);
        }
        if let Some(address) = &self.connect {
            return target::address(address).map(Target::Connect);
        }
        let mut words = self.program.clone().into_iter();
        let Some(program) = plugin.or_else(|| words.next()) else {
            return Err(Failure::usage("no plugin was given", NO_PLUGIN));
        };
        let mut command = Command::new(program);
        command.args(words);
        if let Some(preset) = preset {
            command.envs(&preset.env);
        }
        for pair in &self.env {
            let (name, value) = pairs::variable(pair)?;
            command.env(name, value);
        }
        Ok(Target::Program(target::Program::new(command)))
    }

    /// The environment as the settings see it: whoever types an option wants it to win.
    fn overlaid(&self, environment: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
        let mut said = self.settings.clone();
        if !self.versions.is_empty() {
            said.push(("PLUGIN_HOST_PROTOCOL_VERSIONS", values::list(&self.versions)));
        }
        if !self.transport.is_empty() {
            said.push(("PLUGIN_CLIENT_TRANSPORTS", values::list(&self.transport)));
        }
        if self.mux {
            said.push(("PLUGIN_HOST_MULTIPLEX_GRPC", "true".to_owned()));
        }
        if self.inherit_env {
            said.push(("PLUGIN_INHERIT_ENV", "true".to_owned()));
        }
        if let Some(limit) = self.timeout {
            let seconds = limit.as_secs_f64().to_string();
            said.push(("PLUGIN_HANDSHAKE_TIMEOUT", seconds.clone()));
            said.push(("PLUGIN_START_TIMEOUT", seconds));
        }
        let overridden = |name: &OsString| said.iter().any(|(said, _)| name == said);
        let rest = environment.iter().filter(|(name, _)| !overridden(name)).cloned();
        let said = said.iter().map(|(name, value)| (name.into(), value.into()));
        rest.chain(said).collect()
    }
}

const NO_COOKIE: &str = "give --cookie KEY=VALUE or --preset NAME: its host's source code has it";
const NO_PLUGIN: &str = "name its program, or --attach or --connect for one that runs";

fn random() -> Result<MagicCookie, Failure> {
    Ok(MagicCookie::random("PLUGIN_MAGIC_COOKIE")?)
}

use std::ffi::OsString;

use clap::Args;
use rpcplugin::{Client, core::TransportError};

use crate::{
    call::{How, Made, Requests},
    failure::Failure,
    launch::Launch,
    output::{Answer, FAINT, Output},
};

mod command;
mod completion;
#[cfg(unix)]
mod editor;
mod lines;

use self::{
    command::Command,
    completion::Names,
    lines::{Lines, Typed},
};

/// Talk to a plugin at a prompt: call its methods one after the other.
///
/// A line is a method's name with its parameters, as for `call`, or one of the commands that
/// `help` lists. Tab completes names, and arrows bring back what was typed before; a line that
/// begins with a space is not remembered. Ctrl-C cancels a call, Ctrl-D ends the shell and the
/// plugin.
///
/// If stdin is no terminal, each of its lines is carried out in silence, and the exit code is 1 if
/// one of them failed.
#[derive(Args, Debug)]
#[command(override_usage = "rpcplugin shell [OPTIONS] <PLUGIN>\n       \
                            rpcplugin shell [OPTIONS] -- <PROGRAM> [ARGUMENTS]...")]
pub(crate) struct Shell {
    /// The plugin's program; not with --attach, --connect or a program after --.
    plugin: Option<OsString>,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    launch: Box<Launch>,
}

impl Shell {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let Self { plugin, how, launch } = self;
        let (plugin, []) = launch.words([plugin])?;
        // What cannot be is refused before anything starts.
        let _ = how.options()?;
        let mut plan = launch.plan(plugin)?;
        if lines::are_typed() {
            // At a prompt it belongs to the line or to the call, and else ends everything.
            plan = plan.leaving_ctrl_c();
        }
        let name = plan.name();
        plan.run(out, async |plugin| {
            let session = Session { plugin, out, how: &how };
            session.run(&name).await
        })
    }
}

struct Session<'a> {
    plugin: &'a Client,
    out: &'a Output,
    how: &'a How,
}

impl Session<'_> {
    async fn run(&self, name: &str) -> Result<Answer, Failure> {
        let services = self.plugin.services().await;
        let mut lines = Lines::open(name, Names::of(services.as_deref().unwrap_or_default()))?;
        if lines.is_interactive() && self.out.is_for_people() {
            self.out.remark(format_args!(
                "{FAINT}version {}, process {}; help lists the commands, Ctrl-D ends{FAINT:#}",
                self.plugin.version(),
                self.plugin.pid()
            ));
            if let Err(error) = &services {
                self.out.diagnose(error);
            }
        }
        let interactive = lines.is_interactive();
        // Whoever types has seen what failed.
        let end = |answer| if interactive { Answer::Yes } else { answer };
        let mut answer = Answer::Yes;
        loop {
            let typed = tokio::select! {
                typed = lines.next() => typed?,
                report = self.plugin.exited() => {
                    let report = Some(Box::new(report));
                    return Err(rpcplugin::Error::from(TransportError::PluginGone { report }).into());
                }
            };
            let line = match typed {
                Typed::Line(line) => line,
                Typed::Interrupted => continue,
                Typed::End => return Ok(end(answer)),
            };
            let done = match Command::read(&line) {
                Command::Exit => return Ok(end(answer)),
                Command::Nothing => continue,
                command if interactive => self.interruptible(command).await,
                command => self.carry_out(command).await,
            };
            if let Err(failure) = done {
                answer = Answer::No;
                self.out.fail(&failure);
            }
        }
    }

    /// Carries a command out, unless Ctrl-C comes first.
    async fn interruptible(&self, command: Command<'_>) -> Result<(), Failure> {
        tokio::select! {
            biased;
            done = self.carry_out(command) => done,
            Ok(()) = tokio::signal::ctrl_c() => {
                self.out.remark("cancelled");
                Ok(())
            }
        }
    }

    async fn carry_out(&self, command: Command<'_>) -> Result<(), Failure> {
        match command {
            Command::Nothing | Command::Exit => Ok(()),
            Command::Help => command::help(self.out).await,
            Command::Services => command::services(self.plugin, self.out).await,
            Command::Describe(name) => command::describe(self.plugin, self.out, name).await,
            Command::Health(service) => command::health(self.plugin, self.out, service).await,
            Command::Call { method, params } => {
                let method = self.plugin.describe(method).await?;
                let (plugin, out, how) = (self.plugin, self.out, self.how);
                let made = Made { plugin, out, method, how, options: how.options()? };
                let requests = Requests::given(params, made.takes_a_stream())?;
                made.call(requests).await.map(drop)
            }
        }
    }
}

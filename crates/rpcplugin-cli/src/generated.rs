//! What follows from the definitions of the commands: completions and manual pages.

use std::{fs, path::PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use serde_json::json;

use crate::{
    cli::Cli,
    failure::Failure,
    output::{Answer, Output},
};

/// Print what lets a shell complete this command.
///
/// For bash: `rpcplugin completions bash > ~/.local/share/bash-completion/completions/rpcplugin`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "rpcplugin", &mut script);
        out.show(
            || json!({ "shell": self.shell.to_string(), "script": String::from_utf8_lossy(&script) }),
            |f| f.write_all(&script),
        )?;
        Ok(Answer::Yes)
    }
}

/// Print the manual page of this command, or write those of all commands into a directory.
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Where to write rpcplugin.1, rpcplugin-cert.1 and so on, replacing those that are there.
    directory: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let mut command = Cli::command();
        // Names the subcommands after their parents.
        command.build();
        let Some(directory) = self.directory else {
            let page = page(command).map_err(Failure::Output)?;
            let text = String::from_utf8_lossy(&page);
            out.show(|| json!({ "page": text }), |f| f.write_all(&page))?;
            return Ok(Answer::Yes);
        };
        fs::create_dir_all(&directory).map_err(Failure::writing(&directory))?;
        let mut files = Vec::new();
        for (name, command) in all(command) {
            let path = directory.join(format!("{name}.1"));
            page(command)
                .and_then(|page| fs::write(&path, page))
                .map_err(Failure::writing(&path))?;
            files.push(path);
        }
        out.show(
            || json!({ "files": files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>() }),
            |f| files.iter().try_for_each(|file| writeln!(f, "wrote {}", file.display())),
        )?;
        Ok(Answer::Yes)
    }
}

fn page(command: clap::Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}

/// A command and all below it, each with the name of its page.
fn all(command: clap::Command) -> Vec<(String, clap::Command)> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let below: Vec<_> = command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .cloned()
        .flat_map(all)
        .collect();
    std::iter::once((name, command)).chain(below).collect()
}

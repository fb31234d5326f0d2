use clap::{Args, Subcommand};

use crate::{
    failure::Failure,
    output::{Answer, Output},
};

mod authority;
mod describe;
mod identity;
mod params;
mod place;
mod rotate;
mod show;
mod verify;

/// Make, show, verify and renew certificates of one's own.
///
/// A directory of certificates holds ca, host and server, each with .crt and .key; it is the one
/// of --dir, or of PLUGIN_MTLS_CERT_DIR. Its mode is 0700, that of keys 0600.
/// PLUGIN_CERT_VALIDITY_DAYS, PLUGIN_CERT_ROTATION_DAYS and PLUGIN_CERT_KEY_TYPE are the defaults
/// of --days, --within and --key-type.
#[derive(Args, Debug)]
pub(crate) struct Cert {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ca(authority::Ca),
    Generate(identity::Generate),
    Issue(identity::Issue),
    Rotate(rotate::Rotate),
    Show(show::Show),
    Verify(verify::Verify),
}

impl Cert {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        match self.command {
            Command::Ca(command) => command.run(out),
            Command::Generate(command) => command.run(out),
            Command::Issue(command) => command.run(out),
            Command::Rotate(command) => command.run(out),
            Command::Show(command) => command.run(out),
            Command::Verify(command) => command.run(out),
        }
    }
}

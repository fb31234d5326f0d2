//! Whether a program may start at all.

use std::{
    io,
    path::{Path, PathBuf},
    process::Command,
};

use rpcplugin_core::{Error, HandshakeError};
use tokio_util::sync::CancellationToken;

use super::{
    Integrity, Launch,
    refusal::Attempt,
    trust,
    verified::{Place, Verified},
};

/// Checks the program as the caller demands, and returns the copy that is to run instead of it.
///
/// Only threads that may block look at files: a directory of `PATH` can lie behind a network.
/// Once the future is dropped, they stop reading.
///
/// # Errors
///
/// `SECURITY_CHECKSUM_MISMATCH`, `SECURITY_FILE_PERMISSIONS`; with one of the two demanded, also
/// the `HANDSHAKE_SPAWN_…` codes.
pub(super) async fn vet(launch: &Launch) -> Result<Option<Verified>, Error> {
    let vetting = Vetting {
        command: look(launch),
        integrity: launch.integrity.clone(),
        place: Place {
            bases: launch.bases.clone(),
            for_another_user: launch.bounds.identity.is_some(),
        },
    };
    let path = PathBuf::from(launch.command.as_std().get_program());
    let stop = CancellationToken::new();
    let vetted = tokio::task::spawn_blocking({
        let stop = stop.clone();
        move || vetting.run(&stop)
    });
    let _stop_when_dropped = stop.drop_guard();
    let vetted = vetted.await.unwrap_or_else(|error| {
        Err(HandshakeError::SpawnFailed { path, source: io::Error::other(error) }.into())
    })?;
    // Here, because a subscriber may be that of the caller's thread or span.
    if let Some((path, reason)) = vetted.doubt {
        tracing::warn!(path = %path.display(), reason, "others can change the plugin's program");
    }
    Ok(vetted.verified)
}

/// What the checks need to know.
struct Vetting {
    command: Command,
    integrity: Integrity,
    place: Place,
}

/// What they found, if the program may start.
struct Vetted {
    /// What lets others change the program, and why.
    doubt: Option<(PathBuf, String)>,
    verified: Option<Verified>,
}

impl Vetting {
    fn run(self, stop: &CancellationToken) -> Result<Vetted, Error> {
        let Self { command, integrity, place } = self;
        let attempt = Attempt::new(&command);
        let program = Path::new(command.get_program());
        let doubt = match attempt.found() {
            Some(found) if integrity.trusted_paths_only => {
                trust::check(program, found)?;
                None
            }
            // What was hashed runs, whoever can change the file.
            Some(found) if integrity.digests.is_none() => trust::doubt(found),
            // It must not appear between this look and the start.
            None if integrity.trusted_paths_only => {
                return Err(attempt.explain(io::Error::from_raw_os_error(libc::ENOENT)).into());
            }
            _ => None,
        };
        let verified = match integrity.digests {
            Some(digests) => Some(Verified::make(&attempt, &digests, &place, stop)?),
            None => None,
        };
        Ok(Vetted { doubt, verified })
    }
}

/// The command with the environment and directory in which it will be looked up.
fn look(launch: &Launch) -> Command {
    let command = launch.command.as_std();
    let mut look = Command::new(command.get_program());
    look.args(command.get_args()).env_clear();
    look.envs(launch.environment.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = command.get_current_dir() {
        look.current_dir(directory);
    }
    look
}

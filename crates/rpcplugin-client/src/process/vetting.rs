//! Whether a program may start at all.

use std::{io, path::Path, process::Command};

use rpcplugin_core::{Error, HandshakeError};

use super::{
    Launch,
    refusal::Attempt,
    trust,
    verified::{Place, Verified},
};

/// Checks the program as the caller demands, and returns the copy that is to run instead of it.
///
/// # Errors
///
/// `SECURITY_CHECKSUM_MISMATCH`, `SECURITY_FILE_PERMISSIONS`; with one of the two demanded, also
/// the `HANDSHAKE_SPAWN_…` codes.
pub(super) async fn vet(launch: &Launch) -> Result<Option<Verified>, Error> {
    let integrity = &launch.integrity;
    let attempt = Attempt::new(&look(launch));
    let program = Path::new(launch.command.as_std().get_program());
    match attempt.found() {
        Some(found) if integrity.trusted_paths_only => trust::check(program, found)?,
        // What was hashed runs, whoever can change the file.
        Some(found) if integrity.digests.is_none() => trust::warn(found),
        Some(_) => {}
        // It must not appear between this look and the start.
        None if integrity.trusted_paths_only => {
            return Err(attempt.explain(io::Error::from_raw_os_error(libc::ENOENT)).into());
        }
        None => {}
    }
    let Some(digests) = integrity.digests.clone() else { return Ok(None) };
    let place =
        Place { bases: launch.bases.clone(), for_another_user: launch.bounds.identity.is_some() };
    let path = program.to_owned();
    let made = tokio::task::spawn_blocking(move || Verified::make(&attempt, &digests, &place));
    made.await
        .unwrap_or_else(|error| {
            Err(HandshakeError::SpawnFailed { path, source: io::Error::other(error) }.into())
        })
        .map(Some)
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

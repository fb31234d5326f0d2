use rpcplugin_core::{Error, SecurityError};

use super::Launch;

/// A program that was checked: there is none.
pub(crate) type Verified = std::convert::Infallible;

/// Refuses every demand: nothing can be checked here.
#[expect(clippy::unused_async, reason = "elsewhere it waits")]
pub(super) async fn vet(launch: &Launch) -> Result<Option<Verified>, Error> {
    let integrity = &launch.integrity;
    if integrity.digests.is_none() && !integrity.trusted_paths_only {
        return Ok(None);
    }
    let detail = "checks of the program's file: not available on this system".to_owned();
    Err(SecurityError::IsolationFailed { detail }.into())
}

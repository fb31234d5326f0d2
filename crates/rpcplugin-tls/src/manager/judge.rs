//! Whether a new certificate may take the place of the one in use.

use std::time::SystemTime;

use rpcplugin_core::SecurityError;

use super::{origin::Found, present::Held};
use crate::{CertInfo, Identity, Roots, Usage, Verification, files::invalid};

/// Refuses what peers would refuse: a certificate outside its validity, or one whose chain leads
/// nowhere when the chain before it led to the trusted roots.
///
/// The roots say whom this side trusts, and its own certificate may be another authority's. Such
/// a one never led to them, so nothing is asked of the next.
pub(super) fn may_replace(
    found: &Found,
    held: &Held,
    now: SystemTime,
) -> Result<(), SecurityError> {
    if found.identity.chain_pem() == held.identity.chain_pem() {
        return Ok(());
    }
    let info = CertInfo::of(found.identity.certificate());
    if now > info.not_after {
        return Err(invalid("it has expired"));
    }
    if now < info.not_before {
        return Err(invalid("it is not valid yet"));
    }
    let before = now.min(CertInfo::of(held.identity.certificate()).not_after);
    match leads(&found.identity, &found.roots, now) {
        Err(reason) if leads(&held.identity, &held.roots, before).is_ok() => Err(invalid(format!(
            "it does not lead to the trusted roots, as the one before it did: {reason}"
        ))),
        _ => Ok(()),
    }
}

/// In words that are the same each time, without the date: a failure is told once.
fn leads(identity: &Identity, roots: &Roots, at: SystemTime) -> Result<(), String> {
    let chain = identity.chain().map_err(|error| error.to_string())?;
    let check = Verification::new(roots).at(at);
    // It may be for one end of a connection alone.
    let [server, client] =
        [Usage::Server, Usage::Client].map(|usage| check.clone().usage(usage).check(&chain));
    match server.or(client) {
        Ok(()) => Ok(()),
        Err(SecurityError::CertUntrusted { reason }) => Err(reason),
        Err(SecurityError::CertExpired { .. }) => Err("one above it has expired".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

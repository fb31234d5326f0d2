use rpcplugin_core::SecurityError;

use super::failed;

pub(super) const WHAT: &str = "no_network";

/// Refuses: nobody makes filters for this machine.
pub(super) fn filter() -> Result<Vec<libc::sock_filter>, SecurityError> {
    Err(failed(WHAT, format!("no filter for {}", std::env::consts::ARCH)))
}

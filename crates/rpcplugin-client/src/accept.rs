//! The host's judgement of a handshake line, without I/O.

use rpcplugin_core::{Address, Error, Handshake, HandshakeError, Network, VersionSet};

use crate::{Tls, address_policy::AddressPolicy, protection::Announced};

/// What a host accepts on a handshake line.
#[derive(Debug)]
pub(crate) struct Policy<'a> {
    pub(crate) versions: &'a VersionSet,
    pub(crate) transports: &'a [Network],
    pub(crate) addresses: &'a AddressPolicy,
    pub(crate) tls: &'a Tls,
    /// Everything must be carried on one connection.
    pub(crate) multiplex: bool,
}

/// A line that passed every check that needs no connection.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) version: u32,
    pub(crate) address: Address,
    pub(crate) peer: Announced,
}

/// Reads `line` as a host with this policy does. `to_host` says how this host reaches what the
/// plugin calls by an address, and the policy is for the result.
///
/// # Errors
///
/// The first check that fails, in the order of `docs/wire-format.md`, The line: the codes of
/// [`Handshake::read`] up to `HANDSHAKE_VERSION_MISMATCH`, `HANDSHAKE_TRANSPORT_MISMATCH`,
/// `HANDSHAKE_ADDRESS`, `HANDSHAKE_PROTOCOL_UNSUPPORTED`, `SECURITY_ADDRESS_FORBIDDEN`,
/// `SECURITY_CERT_MISSING`, `SECURITY_CERT_INVALID` or `SECURITY_CERT_UNEXPECTED`,
/// `HANDSHAKE_MUX_UNSUPPORTED`.
pub(crate) fn accept(
    line: &[u8],
    policy: &Policy<'_>,
    to_host: impl FnOnce(Address) -> Result<Address, Error>,
) -> Result<Accepted, Error> {
    let read = Handshake::read(line, policy.versions);
    // The network comes before address and protocol, which `read` has checked already.
    if matches!(
        read,
        Ok(_) | Err(HandshakeError::Address { .. } | HandshakeError::ProtocolUnsupported { .. })
    ) && let Some(network) = announced_network(line)
        && !policy.transports.contains(&network)
    {
        let host = policy.transports.to_vec();
        return Err(HandshakeError::TransportMismatch { plugin: network, host }.into());
    }
    let handshake = read?;
    let address = to_host(handshake.address)?;
    policy.addresses.check(&address)?;
    let peer = Announced::read(&handshake.certificate, policy.tls)?;
    if policy.multiplex && handshake.multiplexing != Some(true) {
        return Err(HandshakeError::MuxUnsupported.into());
    }
    Ok(Accepted { version: handshake.app_version, address, peer })
}

fn announced_network(line: &[u8]) -> Option<Network> {
    std::str::from_utf8(line).ok()?.split('|').nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests;

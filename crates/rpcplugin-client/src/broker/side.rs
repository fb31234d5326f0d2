use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use rpcplugin_broker::{Multiplexer, Protection, Reception, Role, Side, check_host_address};
use rpcplugin_core::{Address, Error, SecurityError, TransportError, env::PortRange};
use rpcplugin_transport::{ExpectedPeer, Listener, TcpBind, TcpListener};
#[cfg(unix)]
use rpcplugin_transport::{UnixBind, UnixListener};

use crate::{AddressMap, address_policy::AddressPolicy};

/// What a start decides about side channels.
#[derive(Clone, Debug)]
pub(crate) struct Sides {
    pub(crate) listening: Listening,
    pub(crate) judgement: Judgement,
    /// Between this host's addresses and the plugin's, if they differ.
    pub(crate) map: Option<Arc<dyn AddressMap>>,
    /// Processes of other users may dial this host.
    pub(crate) any_user: bool,
    /// Who the plugin runs as, if it is known to be somebody else.
    pub(crate) user: Option<u32>,
    /// What carries everything, if there is one connection only.
    pub(crate) multiplexer: Option<Multiplexer>,
}

/// Where a host's side channels listen: on the network of the main connection.
#[derive(Clone, Debug)]
pub(crate) enum Listening {
    /// In the private directory, or for a plugin of this process, each in one of its own.
    #[cfg(unix)]
    Unix(UnixBind),
    /// On loopback. A plugin's range of ports is not the host's.
    Tcp,
}

/// Which announced addresses a host dials.
#[derive(Clone, Debug)]
pub(crate) enum Judgement {
    /// Those that it would dial as a main connection.
    Policy { addresses: AddressPolicy, owner: ExpectedPeer },
    /// Those of this user: the plugin is this process.
    OwnProcess,
    /// None: the plugin is on another machine, and what it announces would lead to this one.
    Nowhere,
}

const TOO_FAR: &str = "side channels do not reach a plugin on another machine";

/// A host, as its broker sees it.
#[derive(Debug)]
pub(super) struct HostSide {
    pub(super) sides: Sides,
    pub(super) protection: Protection,
    pub(super) reception: Reception,
}

impl Side for HostSide {
    fn role(&self) -> Role {
        Role::Host
    }

    fn listen(&self) -> Result<Box<dyn Listener>, Error> {
        if matches!(self.sides.judgement, Judgement::Nowhere) {
            let detail = TOO_FAR.to_owned();
            return Err(TransportError::BrokerUnavailable { detail }.into());
        }
        match &self.sides.listening {
            #[cfg(unix)]
            Listening::Unix(bind) => Ok(Box::new(UnixListener::bind(bind)?)),
            Listening::Tcp => {
                let bind = TcpBind::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PortRange::System);
                Ok(Box::new(TcpListener::bind(&bind)?))
            }
        }
    }

    fn to_peer(&self, address: Address) -> Result<Address, Error> {
        self.sides.map.as_ref().map_or(Ok(address.clone()), |map| map.to_plugin(address))
    }

    fn to_here(&self, address: &Address) -> Result<Address, Error> {
        let address = address.clone();
        self.sides.map.as_ref().map_or(Ok(address.clone()), |map| map.to_host(address))
    }

    fn check(&self, address: &Address) -> Result<ExpectedPeer, SecurityError> {
        match &self.sides.judgement {
            Judgement::Policy { addresses, owner } => {
                addresses.check(address)?;
                Ok(*owner)
            }
            Judgement::OwnProcess => check_host_address(address, None),
            Judgement::Nowhere => Err(SecurityError::AddressForbidden {
                address: rpcplugin_core::escape_text(&address.to_string()),
                reason: TOO_FAR.to_owned(),
            }),
        }
    }

    fn protection(&self) -> Protection {
        self.protection.clone()
    }

    fn reception(&self) -> Reception {
        self.reception.clone()
    }
}

#[cfg(test)]
mod tests {
    use rpcplugin_transport::serving::Calls;

    use super::*;

    #[test]
    fn nothing_is_offered_to_a_plugin_on_another_machine() {
        let sides = Sides {
            listening: Listening::Tcp,
            judgement: Judgement::Nowhere,
            map: None,
            any_user: false,
            user: None,
            multiplexer: None,
        };
        let reception = Reception::new(Calls::new(Arc::default()));
        let side = HostSide { sides, protection: Protection::Plaintext, reception };
        let error = side.listen().err().unwrap();
        assert_eq!(error.code(), "TRANSPORT_BROKER_UNAVAILABLE");
        assert!(error.to_string().contains("another machine"), "{error}");
    }
}

use std::{path::Path, sync::Arc};

use futures_util::future::BoxFuture;
use rpcplugin_core::{Address, Error, HandshakeError, Reattach, SecurityError, VersionSet};
use rpcplugin_transport::{ExpectedPeer, Generation};
use tokio::time::Instant;

#[cfg(unix)]
use super::join;
use super::{
    Clock,
    candidate::Candidate,
    connect::{Goal, reach},
};
use crate::{
    Client, Timings, Tls,
    address_policy::{AddressPolicy, is_loopback},
    attached::AttachedProcess,
    broker::{Judgement, Listening, Sides},
    connect::{Announced, Dial, Dialled, Route},
    plan::Plan,
    protection::Secret,
    remote::Remote,
    settings::Settings,
};

/// Joins a plugin that runs; see [`Builder::attach`](crate::Builder::attach).
pub(crate) async fn attach(plan: Plan, record: Reattach) -> Result<Client, Error> {
    let settings = &plan.settings;
    let clock = Clock::start(settings.config.start_timeout());
    one_connection_each(settings)?;
    let (secret, peer) = Secret::for_record(settings, &record.plugin_cert)?;
    let addresses = anywhere(settings);
    accept(&record, &plan.settings.versions, settings, &addresses)?;
    let process = AttachedProcess::identify(&record)?;
    let candidate = Candidate::without_pipes(process);
    let any_user = !addresses.checks_owner();
    let owner = owner(!any_user).itself(record.pid);
    let dial = Recorded {
        announced: Announced {
            address: record.address.clone(),
            expected: owner,
            limit: settings.config.connection_timeout(),
        },
        pid: record.pid,
        proven: record.start_time.is_some(),
    };
    let (version, address) = (record.protocol_version, record.address.clone());
    let judgement = Judgement::Policy { addresses, owner };
    let sides = Sides {
        listening: listening(&plan, &address),
        judgement,
        any_user,
        user: None,
        multiplexer: None,
        map: None,
    };
    let goal =
        Goal { version, address, dial: Arc::new(dial), generation: Generation::new(), peer, sides };
    let bound = clock.phase(Instant::now(), settings.config.channel_ready_timeout());
    let mut connected =
        reach(candidate, goal, &secret, settings, bound, Timings::default()).await?;
    connected.candidate.process.take_over(&record);
    Ok(connected.run(plan.settings, None))
}

/// Joins a plugin at an address; see [`Builder::connect`](crate::Builder::connect).
pub(crate) async fn connect(plan: Plan, address: Address) -> Result<Client, Error> {
    let settings = &plan.settings;
    let clock = Clock::start(settings.config.start_timeout());
    one_connection_each(settings)?;
    // Nobody could dial it otherwise.
    address.to_field()?;
    let is_local = is_local(&address);
    let (secret, peer) = Secret::for_stranger(settings, is_local)?;
    let addresses = anywhere(settings);
    let any_user = !addresses.checks_owner();
    // Certificates prove who it is, wherever; without them it should at least be this user.
    let owner = owner(settings.tls == Tls::Plaintext && !any_user);
    let limit = settings.config.connection_timeout();
    let dial = Announced { address: address.clone(), expected: owner, limit };
    let candidate = Candidate::without_pipes(Remote::new(address.to_string()));
    let version = plan.settings.versions.iter().max().unwrap_or_default();
    let judgement =
        if is_local { Judgement::Policy { addresses, owner } } else { Judgement::Nowhere };
    let sides = Sides {
        listening: listening(&plan, &address),
        judgement,
        any_user,
        user: None,
        multiplexer: None,
        map: None,
    };
    let goal =
        Goal { version, address, dial: Arc::new(dial), generation: Generation::new(), peer, sides };
    let bound = clock.phase(Instant::now(), settings.config.channel_ready_timeout());
    let connected = reach(candidate, goal, &secret, settings, bound, Timings::default()).await?;
    Ok(connected.run(plan.settings, None))
}

/// The host's judgement of a record, as that of a line.
fn accept(
    record: &Reattach,
    versions: &VersionSet,
    settings: &Settings,
    addresses: &AddressPolicy,
) -> Result<(), Error> {
    if !versions.contains(record.protocol_version) {
        let (plugin, host) = (record.protocol_version.to_string(), versions.to_vec());
        return Err(HandshakeError::VersionMismatch { plugin, host }.into());
    }
    let network = record.address.network();
    let host = settings.networks();
    if !host.contains(&network) {
        return Err(HandshakeError::TransportMismatch { plugin: network, host }.into());
    }
    Ok(addresses.check(&record.address)?)
}

/// Multiplexing is agreed on in a handshake, and there is none here.
fn one_connection_each(settings: &Settings) -> Result<(), HandshakeError> {
    if settings.config.host_multiplex_grpc() { Err(HandshakeError::MuxUnsupported) } else { Ok(()) }
}

/// The addresses of plugins that another host, or nobody, gave a directory: their sockets may lie
/// anywhere, and who listens there decides.
fn anywhere(settings: &Settings) -> AddressPolicy {
    AddressPolicy::new(Some(Path::new("/")), &settings.options.address_exceptions)
}

/// Where this host listens for a plugin at that address. There is no private directory; each side
/// channel makes its own.
fn listening(plan: &Plan, address: &Address) -> Listening {
    match address {
        #[cfg(unix)]
        Address::Unix(_) => join::listening(plan),
        _ => {
            let _ = plan;
            Listening::Tcp
        }
    }
}

/// The user who must listen, if that is checked.
fn owner(checked: bool) -> ExpectedPeer {
    let anybody = ExpectedPeer::new();
    #[cfg(unix)]
    if checked {
        return anybody.uid(rustix::process::geteuid().as_raw());
    }
    let _ = checked;
    anybody
}

fn is_local(address: &Address) -> bool {
    match address {
        Address::Unix(_) => true,
        Address::Tcp(tcp) => is_loopback(tcp.ip()),
        _ => false,
    }
}

/// The address of a record, where the record's process must listen.
struct Recorded {
    announced: Announced,
    pid: u32,
    /// Whether the process is beyond doubt that of the record.
    proven: bool,
}

impl Dial for Recorded {
    fn dial<'a>(&'a self, route: &'a Route) -> BoxFuture<'a, Result<Dialled, Error>> {
        Box::pin(async {
            self.announced.dial(route).await.map_err(|error| match error {
                // If the number may be the wrong one, the socket may be in the right hands.
                Error::Security {
                    source: SecurityError::PeerCredentials { address, detail },
                    ..
                } if !self.proven => {
                    SecurityError::ReattachPidMismatch { recorded: self.pid, address, detail }
                        .into()
                }
                other => other,
            })
        })
    }
}

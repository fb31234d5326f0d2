use std::sync::Arc;

use rpcplugin_broker::Multiplexer;
use rpcplugin_core::{Address, Error, Phase, SecurityError, TransportError};
use rpcplugin_transport::{ChannelOptions, ExpectedPeer, Generation, PluginChannel};
use tokio::time::Instant;

use super::{
    candidate::{Candidate, Failure},
    clock::{Bound, Clock},
    introduce::Introduced,
    prepare::Kept,
};
use crate::{
    ClientAuthentication, Timings, Tls,
    accept::Accepted,
    broker::{Judgement, Listening, Sides},
    connect::{Announced, Dial, Multiplexed, Route},
    life::{Life, Piped},
    plan::Plan,
    protection::{self, Protection, Secret},
    ready::first_answer,
    settings::Settings,
};

/// A plugin that answers.
pub(super) struct Connected<L> {
    pub(super) candidate: Candidate<L>,
    pub(super) version: u32,
    pub(super) address: Address,
    /// The line by which it announced itself, if it did.
    pub(super) line: Option<String>,
    pub(super) route: Route,
    pub(super) channel: PluginChannel,
    pub(super) sides: Sides,
    pub(super) timings: Timings,
}

impl<L: Piped> Introduced<L> {
    /// Connects to the announced address and waits for the first answer from there.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_…`, `SECURITY_…`, `PROTOCOL_PEER_NOT_GRPC`; `TRANSPORT_PLUGIN_GONE` if the
    /// process ended meanwhile.
    pub(super) async fn connect(self, plan: &Plan, clock: &Clock) -> Result<Connected<L>, Error> {
        let Self { candidate, kept, accepted, line, at, timings } = self;
        let settings = &plan.settings;
        let Accepted { version, address, peer } = accepted;
        let bound = clock.phase(at, settings.config.channel_ready_timeout());
        let announced = Announced {
            address: address.clone(),
            expected: owner(&kept, &candidate),
            limit: settings.config.connection_timeout(),
        };
        let generation = Generation::new();
        let multiplexer =
            settings.config.host_multiplex_grpc().then(|| Multiplexer::host(generation.clone()));
        let dial: Arc<dyn Dial> = match multiplexer.clone() {
            None => Arc::new(announced),
            Some(multiplexer) => Arc::new(Multiplexed::new(announced, multiplexer)),
        };
        let sides = Sides {
            listening: listening(&address, &kept),
            judgement: Judgement::Policy {
                addresses: kept.addresses.clone(),
                owner: owner(&kept, &candidate),
            },
            map: candidate.process.addresses(),
            any_user: settings.config.host_unix_socket_group().is_some()
                || !kept.addresses.checks_owner(),
            user: kept.other_user(),
            multiplexer,
        };
        let goal = Goal { version, address, dial, generation, peer, sides };
        let reached = reach(candidate, goal, &kept.secret, settings, bound, timings).await?;
        Ok(Connected { line: Some(line), ..reached })
    }
}

/// What a candidate said of itself, after the policy was applied.
pub(super) struct Goal {
    pub(super) version: u32,
    pub(super) address: Address,
    pub(super) dial: Arc<dyn Dial>,
    /// The life of which its connections are.
    pub(super) generation: Generation,
    pub(super) peer: protection::Announced,
    pub(super) sides: Sides,
}

/// Connects to a candidate and waits for its first answer, or gives it up.
pub(super) async fn reach<L: Life>(
    mut candidate: Candidate<L>,
    goal: Goal,
    secret: &Secret,
    settings: &Settings,
    bound: Bound,
    mut timings: Timings,
) -> Result<Connected<L>, Error> {
    let Goal { version, address, dial: way, generation, peer, sides } = goal;
    let reached = async {
        let protection =
            secret.protect(peer, settings).map_err(|error| Failure::refused(Phase::Tls, error))?;
        let options = channel_options(settings);
        let route = Route { dial: way, protection, options, generation };
        let channel = dial(&mut candidate, &route, bound, &mut timings).await?;
        authenticate(&route.protection, settings)?;
        answer(&mut candidate, &channel, settings, bound, &mut timings).await?;
        Ok((route, channel))
    };
    match reached.await {
        Ok((route, channel)) => {
            let line = None;
            Ok(Connected { candidate, version, address, line, route, channel, sides, timings })
        }
        Err(failure) => Err(candidate.give_up(failure).await),
    }
}

async fn dial(
    candidate: &mut Candidate<impl Life>,
    route: &Route,
    bound: Bound,
    timings: &mut Timings,
) -> Result<PluginChannel, Failure> {
    let dialling = bounded(bound, Phase::Connect, route.dial());
    let dialled = candidate.alive(Phase::Connect, dialling).await?;
    (timings.connect, timings.tls) = (dialled.connect, dialled.tls);
    Ok(dialled.channel)
}

async fn answer(
    candidate: &mut Candidate<impl Life>,
    channel: &PluginChannel,
    settings: &Settings,
    bound: Bound,
    timings: &mut Timings,
) -> Result<(), Failure> {
    let start = Instant::now();
    let bound = bound.and(start, settings.config.connection_timeout());
    let answering = bounded(bound, Phase::Ready, first_answer(channel.clone()));
    candidate.alive(Phase::Ready, answering).await?;
    timings.ready = start.elapsed();
    Ok(())
}

async fn bounded<T>(
    bound: Bound,
    phase: Phase,
    step: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    match bound.within(step).await {
        Ok(done) => done.map_err(|error| failed(phase, error)),
        Err(limit) => Err(Failure::late(phase, TransportError::ConnectTimeout { phase, limit })),
    }
}

/// What an error of the connection says about the process.
fn failed(phase: Phase, error: Error) -> Failure {
    match error {
        // These prove that somebody is there, and that it is the wrong one or does not want us.
        Error::Security {
            source:
                SecurityError::PinMismatch { .. }
                | SecurityError::BadSignature { .. }
                | SecurityError::ClientRefused { .. },
            ..
        } => Failure::refused(Phase::Tls, error),
        Error::Security {
            source:
                SecurityError::PeerCredentials { .. } | SecurityError::ReattachPidMismatch { .. },
            ..
        } => Failure::refused(phase, error),
        Error::Security { .. } => Failure::broken(Phase::Tls, error),
        Error::Transport { source: TransportError::ConnectTimeout { phase, .. }, .. } => {
            Failure::late(phase, error)
        }
        error => Failure::broken(phase, error),
    }
}

/// Whether this host may be served together with anybody else.
fn authenticate(protection: &Protection, settings: &Settings) -> Result<(), Failure> {
    if !protection.is_one_sided() {
        return Ok(());
    }
    match settings.options.client_authentication {
        ClientAuthentication::Warn if matches!(settings.tls, Tls::Auto) => {
            tracing::warn!("plugin does not ask who its host is: it serves anybody who reaches it");
            Ok(())
        }
        // Where an operator supplies certificates, both sides are to be proved.
        _ => {
            let detail = "plugin does not ask for this host's certificate, so it serves anybody";
            let error = SecurityError::TlsHandshake { detail: detail.to_owned() };
            Err(Failure::refused(Phase::Tls, error))
        }
    }
}

/// Where this host listens for a plugin at that address.
fn listening(address: &Address, kept: &Kept) -> Listening {
    match address {
        #[cfg(unix)]
        Address::Unix(_) => Listening::Unix(kept.sockets.clone()),
        _ => {
            let _ = kept;
            Listening::Tcp
        }
    }
}

/// Who must listen at the announced address.
fn owner(kept: &Kept, candidate: &Candidate<impl Piped>) -> ExpectedPeer {
    let anybody = ExpectedPeer::new();
    if !kept.addresses.checks_owner() {
        return anybody;
    }
    let owner = match candidate.process.owner() {
        Some(pid) => anybody.pid(pid),
        None => anybody,
    };
    #[cfg(unix)]
    let owner = owner.uid(kept.user);
    owner
}

fn channel_options(settings: &Settings) -> ChannelOptions {
    let options = ChannelOptions::new()
        // Dialling and TLS keep their own limits.
        .connection_timeout(settings.config.connection_timeout() * 2)
        .max_receive_message_size(settings.config.grpc_max_receive_message_size())
        .max_send_message_size(settings.config.grpc_max_send_message_size());
    match settings.config.client_request_timeout() {
        Some(limit) => options.request_timeout(limit),
        None => options,
    }
}

use std::{ffi::OsString, sync::Arc};

use rpcplugin_core::{Error, Handshake, HandshakeError, Phase};
#[cfg(unix)]
use rpcplugin_transport::UnixBind;
use rpcplugin_transport::{Connector, Generation};
use tokio::time::Instant;

use super::{
    Clock,
    candidate::{Candidate, Failure},
    connect::{Goal, reach},
};
use crate::{
    Client, InProcess, Timings,
    broker::{Judgement, Listening, Sides},
    connect::Given,
    plan::Plan,
    protection::{Announced, Secret},
};

/// Joins a plugin of this process; see [`Builder::join`](crate::Builder::join).
///
/// From the handshake on these are the stages of a process.
pub(crate) async fn join<C: Connector, F>(
    plan: Plan,
    serve: impl FnOnce(Vec<(OsString, OsString)>) -> F,
) -> Result<Client, Error>
where
    F: Future<Output = Result<InProcess<C>, Error>>,
{
    let settings = &plan.settings;
    let clock = Clock::start(settings.config.start_timeout());
    let secret = Secret::make(settings)?;
    let launch = plan.launch_variables(None, secret.certificate())?;
    let prepared = Instant::now();
    let bound = clock.phase(prepared, settings.config.handshake_timeout());
    let serving = bound.within(serve(launch)).await;
    let plugin = serving.map_err(|limit| HandshakeError::Timeout { limit })??;
    let InProcess { connector, handshake, served } = plugin;
    let candidate = Candidate::without_pipes(served);
    let at = Instant::now();
    let timings =
        Timings { spawn: prepared - clock.began(), handshake: at - prepared, ..Timings::default() };
    let peer = match judge(&handshake, &plan) {
        Ok(peer) => peer,
        Err(error) => {
            return Err(candidate.give_up(Failure::refused(Phase::Handshake, error)).await);
        }
    };
    let Handshake { app_version: version, address, .. } = handshake;
    let sides = Sides {
        listening: listening(&plan),
        judgement: Judgement::OwnProcess,
        map: None,
        any_user: false,
        user: None,
        multiplexer: None,
    };
    let (dial, generation) = (Arc::new(Given(connector)), Generation::new());
    let goal = Goal { version, address, dial, generation, peer, sides };
    let bound = clock.phase(at, settings.config.channel_ready_timeout());
    let connected = reach(candidate, goal, &secret, settings, bound, timings).await?;
    Ok(connected.run(plan.settings, None))
}

/// Where this host's side channels listen. There is no private directory; each makes its own.
#[cfg(unix)]
pub(super) fn listening(plan: &Plan) -> Listening {
    let bases = plan.directory_bases().into_iter();
    Listening::Unix(bases.fold(UnixBind::new(), UnixBind::base))
}

#[cfg(not(unix))]
fn listening(_: &Plan) -> Listening {
    Listening::Tcp
}

/// The host's judgement, as that of a line, except that the address is not dialled.
fn judge(handshake: &Handshake, plan: &Plan) -> Result<Announced, Error> {
    let (version, known) = (handshake.app_version, &plan.settings.versions);
    if !known.contains(version) {
        let (plugin, host) = (version.to_string(), known.to_vec());
        return Err(HandshakeError::VersionMismatch { plugin, host }.into());
    }
    let announced = Announced::read(&handshake.certificate, &plan.settings.tls)?;
    if plan.settings.config.host_multiplex_grpc() {
        return Err(HandshakeError::MuxUnsupported.into());
    }
    Ok(announced)
}

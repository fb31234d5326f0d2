use std::{convert::Infallible, sync::Arc, time::Duration};

use rpcplugin_core::{Address, Config, Error, TransportError};
use rpcplugin_transport::serving::InFlight;
use tokio::sync::watch;

use crate::{
    HealthReporter, exit,
    live::Live,
    stop::{Reason, Stop},
};

/// A server from outside: made before it starts, and good in any task. Clones are the same server.
///
/// Dropping handles changes nothing.
#[derive(Clone, Debug)]
pub struct ServerHandle(pub(crate) Arc<Shared>);

/// What a server and its handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) state: watch::Sender<State>,
    pub(crate) stop: Stop,
    pub(crate) live: Live,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) health: HealthReporter,
}

/// How far a server is.
#[derive(Clone, Debug)]
pub(crate) enum State {
    Starting { limit: Duration },
    Ready(Ready),
    Ended,
}

/// What is known once a server listens.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) address: Address,
    pub(crate) certificate: Option<Vec<u8>>,
}

impl ServerHandle {
    /// Waits until the server listens and every service answers.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_DEADLINE` after `server_ready_timeout`, `TRANSPORT_SHUT_DOWN` if the server
    /// ended first; what it failed of is in its own result.
    pub async fn ready(&self) -> Result<(), TransportError> {
        let mut state = self.0.state.subscribe();
        let begun = tokio::time::Instant::now();
        loop {
            let limit = match &*state.borrow_and_update() {
                State::Starting { limit } => *limit,
                State::Ready(_) => return Ok(()),
                State::Ended => return Err(TransportError::ShutDown),
            };
            // The start reads the settings, which may say another limit than the builder.
            if tokio::time::timeout_at(begun + limit, state.changed()).await.is_err() {
                return Err(TransportError::Deadline {
                    origin: format!("server_ready_timeout of {limit:?}"),
                });
            }
        }
    }

    /// Where the server listens; `None` before it is ready and after it has ended.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        self.look(|ready| ready.address.clone())
    }

    /// The DER of the certificate that the server shows; `None` where it serves plaintext, or is
    /// not ready.
    #[must_use]
    pub fn certificate(&self) -> Option<Vec<u8>> {
        self.look(|ready| ready.certificate.clone())?
    }

    /// Sets what health checks answer.
    #[must_use]
    pub fn health(&self) -> HealthReporter {
        self.0.health.clone()
    }

    /// Turns new calls away, reports NOT_SERVING, and waits until no call is in progress, at most
    /// for the grace period. The server goes on listening; [`shutdown`](Self::shutdown) ends it.
    ///
    /// Cancel-safe: what was begun stays begun.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_DEADLINE` if calls are still in progress after the grace period.
    pub async fn drain(&self) -> Result<(), TransportError> {
        self.0.health.drain();
        self.0.in_flight.refuse();
        let grace = self.0.live.grace();
        tokio::time::timeout(grace, self.0.in_flight.idle()).await.map_err(|_| {
            TransportError::Deadline {
                origin: format!("{} calls in progress after {grace:?}", self.0.in_flight.calls()),
            }
        })
    }

    /// Stops the server as its host would, within `grace` and an hour at most, and waits until it
    /// has ended.
    ///
    /// Cancel-safe: the stop goes on. Returns at once if the server has ended already; a server
    /// that never started is stopped as soon as it does.
    pub async fn shutdown(&self, grace: Duration) {
        self.0.stop.request(Reason::Handle, Some(grace));
        let mut state = self.0.state.subscribe();
        if matches!(*state.borrow(), State::Starting { .. }) {
            // Nobody may ever serve; whoever does finds the request.
            return;
        }
        // The sender is ours, so this ends with the state and nothing else.
        let _ = state.wait_for(|state| matches!(state, State::Ended)).await;
    }

    /// Ends the process with this code, once everything that it printed is with the host: what
    /// `std::process::exit` would lose. See [`Context::exit`](crate::Context::exit).
    ///
    /// A server that does not serve has nothing to deliver: then the process ends at once.
    pub async fn exit(&self, code: u8) -> Infallible {
        let serves = matches!(*self.0.state.borrow(), State::Ready(_));
        if !serves {
            self.0.stop.ended();
        }
        exit::exit(self.0.stop.clone(), code).await
    }

    /// Takes over what may change while the server runs: log level, grace period, and the
    /// certificates of settings, for new connections. The builder's values stay the program's
    /// layer of it. Give a configuration that was just loaded: it is that which reads certificates
    /// from their files, but for the directory of certificates, which is read again here.
    ///
    /// **Blocks** on those files.
    ///
    /// # Errors
    ///
    /// `CONFIG_NOT_RELOADABLE` with the settings that differ and need a restart,
    /// `TRANSPORT_SHUT_DOWN` if nothing is served, `SECURITY_CONFIG_CONFLICT`, and what is wrong
    /// with certificates. Then nothing has changed.
    pub fn reload(&self, config: &Config) -> Result<(), Error> {
        self.0.live.reload(config)
    }

    /// Asks for the stop, within the grace period that the server was built with.
    pub(crate) fn stop(&self) {
        self.0.stop.request(Reason::Handle, None);
    }

    fn look<T>(&self, at: impl FnOnce(&Ready) -> T) -> Option<T> {
        match &*self.0.state.borrow() {
            State::Ready(ready) => Some(at(ready)),
            State::Starting { .. } | State::Ended => None,
        }
    }
}

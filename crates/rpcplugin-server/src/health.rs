use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _, stream};
use rpcplugin_proto::health::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_server::Health,
};
use tokio::{sync::watch, task::AbortHandle};
use tonic::{Request, Response, Status};

use crate::stop::Stop;

mod check;

pub use self::check::HealthCheck;

/// The name under which every go-plugin host asks for a plugin's health.
pub(crate) const PLUGIN: &str = "plugin";

/// How a service is, as health checks tell it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Serving {
    /// It takes calls.
    Serving,
    /// It exists and takes no calls at present.
    NotServing,
    /// It exists, and nobody has looked yet.
    Unknown,
}

/// Sets what health checks answer, service by service.
///
/// Every registered service, `plugin` and the empty name begin as [`Serving::Serving`]. From the
/// start of a drain all of them are `NOT_SERVING`, whatever is set. Checks can be
/// [attached](Self::attach). Clones share one board.
#[derive(Clone, Debug)]
pub struct HealthReporter(Arc<watch::Sender<Board>>);

#[derive(Debug, Default)]
struct Board {
    draining: bool,
    services: BTreeMap<String, Serving>,
    /// The tasks that ask, by service.
    checks: BTreeMap<String, AbortHandle>,
}

impl HealthReporter {
    pub(crate) fn new<'a>(services: impl IntoIterator<Item = &'a str>) -> Self {
        let names = services.into_iter().chain(["", PLUGIN]);
        let services = names.map(|name| (name.to_owned(), Serving::Serving)).collect();
        let board = Board { draining: false, services, checks: BTreeMap::new() };
        Self(Arc::new(watch::Sender::new(board)))
    }

    /// Sets the status of one service. A name that was unknown becomes known.
    ///
    /// Watchers see the change at once; the empty name stands for the whole plugin and follows
    /// nothing by itself.
    pub fn set(&self, service: impl Into<String>, serving: Serving) {
        let service = service.into();
        self.0.send_if_modified(|board| board.services.insert(service, serving) != Some(serving));
    }

    /// Makes every status NOT_SERVING, for good, and ends all checks.
    pub(crate) fn drain(&self) {
        self.0.send_if_modified(|board| {
            board.end_checks();
            !std::mem::replace(&mut board.draining, true)
        });
    }

    fn status(&self, service: &str) -> Option<ServingStatus> {
        self.0.borrow().status(service)
    }
}

impl Board {
    fn end_checks(&mut self) {
        std::mem::take(&mut self.checks).values().for_each(AbortHandle::abort);
    }

    fn status(&self, service: &str) -> Option<ServingStatus> {
        let serving = self.services.get(service)?;
        Some(match serving {
            _ if self.draining => ServingStatus::NotServing,
            Serving::Serving => ServingStatus::Serving,
            Serving::NotServing => ServingStatus::NotServing,
            Serving::Unknown => ServingStatus::Unknown,
        })
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.end_checks();
    }
}

/// `grpc.health.v1.Health`.
pub(crate) struct HealthService {
    pub(crate) reporter: HealthReporter,
    pub(crate) stop: Stop,
}

#[tonic::async_trait]
impl Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        match self.reporter.status(&service) {
            Some(status) => Ok(Response::new(HealthCheckResponse { status: status.into() })),
            None => Err(Status::not_found("unknown service")),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    /// The present status at once, then each change, until the plugin stops.
    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let service = request.into_inner().service;
        let mut board = self.reporter.0.subscribe();
        board.mark_changed();
        let changes = stream::unfold((board, None), move |(mut board, last)| {
            let service = service.clone();
            async move {
                loop {
                    board.changed().await.ok()?;
                    // A name that nobody registered may be registered later, so the stream stays.
                    let status = board
                        .borrow_and_update()
                        .status(&service)
                        .unwrap_or(ServingStatus::ServiceUnknown);
                    if last != Some(status) {
                        let reply = HealthCheckResponse { status: status.into() };
                        return Some((Ok(reply), (board, Some(status))));
                    }
                }
            }
        });
        let end = self.stop.clone();
        Ok(Response::new(Box::pin(changes.take_until(async move { end.streams_end().await }))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(names: &[&str]) -> HealthService {
        HealthService { reporter: HealthReporter::new(names.iter().copied()), stop: Stop::new() }
    }

    fn ask(service: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest { service: service.to_owned() })
    }

    async fn checked(health: &HealthService, name: &str) -> Result<ServingStatus, tonic::Code> {
        health.check(ask(name)).await.map(|r| r.into_inner().status()).map_err(|s| s.code())
    }

    #[tokio::test]
    async fn the_plugin_the_empty_name_and_each_service_are_serving() {
        let health = service(&["kv.KV"]);
        for name in ["", "plugin", "kv.KV"] {
            assert_eq!(checked(&health, name).await, Ok(ServingStatus::Serving), "{name:?}");
        }
        assert_eq!(checked(&health, "other").await, Err(tonic::Code::NotFound));
    }

    #[tokio::test]
    async fn a_drain_overrides_every_status() {
        let health = service(&[]);
        health.reporter.drain();
        health.reporter.set(PLUGIN, Serving::Serving);
        assert_eq!(checked(&health, PLUGIN).await, Ok(ServingStatus::NotServing));
    }

    #[tokio::test]
    async fn a_watch_of_an_unknown_name_stays_open_until_the_plugin_stops() {
        let health = service(&[]);
        let mut watch = health.watch(ask("later")).await.unwrap().into_inner();
        let mut next = async || watch.next().await.map(|reply| reply.unwrap().status());
        assert_eq!(next().await, Some(ServingStatus::ServiceUnknown));
        health.reporter.set("other", Serving::Serving);
        health.reporter.set("later", Serving::NotServing);
        assert_eq!(next().await, Some(ServingStatus::NotServing));
        health.reporter.set("later", Serving::Serving);
        assert_eq!(next().await, Some(ServingStatus::Serving));
        health.reporter.drain();
        assert_eq!(next().await, Some(ServingStatus::NotServing));
        health.stop.end_streams();
        assert_eq!(next().await, None);
    }
}

//! A gRPC server of few words, as far as possible from ours.

use std::{io, sync::Arc};

use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_transport::BoxIo;
use tokio::sync::Notify;

use crate::{
    announce::Script,
    listen::Listener,
    replies::{self, Evil, Reply},
    tls::Acceptor,
};

/// What is served.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    /// Health, and a Shutdown that ends the process.
    Orderly,
    /// Nothing: every call is UNIMPLEMENTED.
    Bare,
    /// Health, and a Shutdown that is answered and forgotten.
    Deaf,
    /// As orderly, but all other calls get a reply that is none.
    Evil(Evil),
    /// As orderly, with a broker that announces this.
    Announcing(Script),
    /// As orderly, with a broker that reads nothing, and ends its stream when this gate opens.
    DeafBroker(&'static str),
}

/// Serves every connection, until the process ends.
pub(crate) fn run(listener: Listener, service: Service, tls: Option<Acceptor>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system has descriptors for a runtime");
    runtime.block_on(async {
        let listener = listener.into_tokio().expect("the socket is open");
        while let Ok(io) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                match tls {
                    None => connection(io, service).await,
                    Some(tls) => {
                        if let Some(io) = tls.accept(io).await {
                            connection(io, service).await;
                        }
                    }
                }
            });
        }
    });
}

async fn connection(io: BoxIo, service: Service) {
    let hang_up = Arc::new(Notify::new());
    let hung_up = hang_up.clone();
    let answer =
        service_fn(move |request: Request<Incoming>| answer(service, request, hang_up.clone()));
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    if let Service::DeafBroker(_) = service {
        // The question for health fits, and no announcement.
        builder.initial_stream_window_size(20);
    }
    let connection =
        builder.max_header_list_size(u32::MAX).serve_connection(TokioIo::new(io), answer);
    tokio::select! {
        // How the host leaves is the host's business.
        _ = connection => {}
        () = hung_up.notified() => {}
    }
}

async fn answer(
    service: Service,
    request: Request<Incoming>,
    hang_up: Arc<Notify>,
) -> Result<Reply, io::Error> {
    match (service, request.uri().path()) {
        (Service::Bare, _) => Ok(replies::unimplemented()),
        // status: SERVING
        (_, "/grpc.health.v1.Health/Check") => Ok(replies::message(&[0x08, 0x01])),
        (Service::Deaf, "/plugin.GRPCController/Shutdown") => Ok(replies::message(&[])),
        (_, "/plugin.GRPCController/Shutdown") => end_process(),
        (Service::Evil(evil), path) if path.starts_with("/rpcplugin.probe.v1.Probe/") => {
            replies::evil(evil, &hang_up).await
        }
        (Service::Announcing(script), "/plugin.GRPCBroker/StartStream") => {
            Ok(replies::stream(script.frames()))
        }
        (Service::DeafBroker(gate), "/plugin.GRPCBroker/StartStream") => {
            Ok(replies::end_at(gate, request.into_body()))
        }
        _ => Ok(replies::unimplemented()),
    }
}

/// Like go-plugin, which stops its server inside the call: no answer arrives.
#[expect(clippy::exit, reason = "this is what the plugins that it stands for do")]
fn end_process() -> ! {
    std::process::exit(0)
}

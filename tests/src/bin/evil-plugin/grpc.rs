//! A gRPC server of few words, as far as possible from ours.

use std::convert::Infallible;

use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    header::{HeaderName, HeaderValue},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_transport::BoxIo;

use crate::{listen::Listener, tls::Acceptor};

/// What is served.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    /// Health, and a Shutdown that ends the process.
    Orderly,
    /// Nothing: every call is UNIMPLEMENTED.
    Bare,
    /// Health, and a Shutdown that is answered and forgotten.
    Deaf,
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
    let answer = service_fn(move |request: Request<Incoming>| answer(service, request));
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(io), answer);
    // How the host leaves is the host's business.
    let _ = connection.await;
}

type Reply = Response<BoxBody<Bytes, Infallible>>;

async fn answer(service: Service, request: Request<Incoming>) -> Result<Reply, Infallible> {
    let path = request.uri().path();
    Ok(match (service, path) {
        (Service::Orderly | Service::Deaf, "/grpc.health.v1.Health/Check") => {
            // status: SERVING
            message(&[0x08, 0x01])
        }
        (Service::Orderly, "/plugin.GRPCController/Shutdown") => end_process(),
        (Service::Deaf, "/plugin.GRPCController/Shutdown") => message(&[]),
        _ => unimplemented(),
    })
}

/// Like go-plugin, which stops its server inside the call: no answer arrives.
#[expect(clippy::exit, reason = "this is what the plugins that it stands for do")]
fn end_process() -> ! {
    std::process::exit(0)
}

fn message(message: &[u8]) -> Reply {
    let length = u32::try_from(message.len()).expect("messages here are short");
    let frame = [&[0], length.to_be_bytes().as_slice(), message].concat();
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let body = Full::new(Bytes::from(frame)).with_trailers(async { Some(Ok(trailers)) });
    let mut reply = Response::new(body.boxed());
    reply.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    reply
}

fn unimplemented() -> Reply {
    let mut reply = Response::new(Full::default().boxed());
    reply.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    reply.headers_mut().insert(STATUS, HeaderValue::from_static("12"));
    reply
}

const STATUS: HeaderName = HeaderName::from_static("grpc-status");

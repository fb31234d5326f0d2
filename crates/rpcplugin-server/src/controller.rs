use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::Frame;
use rpcplugin_proto::plugin::{
    Empty,
    grpc_controller_server::{GrpcController, GrpcControllerServer},
};
use rpcplugin_transport::serving::{RpcService, boxed};
use tonic::{Request, Response, Status, body::Body};
use tower::ServiceExt as _;

use crate::stop::{Reason, Stop};

/// `plugin.GRPCController`: answers first, and stops once the answer has been handed to HTTP/2.
pub(crate) fn service(stop: Stop) -> RpcService {
    let inner = GrpcControllerServer::new(Controller { stop });
    boxed(boxed(inner).map_response(stop_afterwards))
}

struct Controller {
    stop: Stop,
}

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        let mut answer = Response::new(Empty {});
        answer.extensions_mut().insert(Arc::new(StopOnDrop(self.stop.clone())));
        Ok(answer)
    }
}

/// Asks for the stop when it goes, so whatever becomes of the answer, the stop happens.
struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.request(Reason::Asked, None);
    }
}

/// Moves the request to stop from the answer's extensions into its body.
fn stop_afterwards(mut answer: http::Response<Body>) -> http::Response<Body> {
    match answer.extensions_mut().remove::<Arc<StopOnDrop>>() {
        Some(stop) => answer.map(|body| Body::new(Answer { body, _stop: stop })),
        None => answer,
    }
}

/// An answer's body that holds the request to stop until it has been sent.
struct Answer {
    body: Body,
    _stop: Arc<StopOnDrop>,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

use std::{convert::Infallible, sync::Arc};

use futures_util::{StreamExt as _, stream, stream::BoxStream};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_transport::{ChannelOptions, Generation, Listener as _, PluginChannel, memory};
use tonic::{Request, Response, Status, Streaming, body::Body};
use tonic_reflection::pb::v1::{
    FileDescriptorResponse, ListServiceResponse, ServerReflectionRequest, ServerReflectionResponse,
    ServiceResponse,
    server_reflection_request::MessageRequest as Question,
    server_reflection_response::MessageResponse,
    server_reflection_server::{ServerReflection, ServerReflectionServer},
};
use tower::ServiceExt as _;

use crate::dynamic::reflection::asker::VERSIONS;

type Answers = dyn Fn(&Question) -> Result<MessageResponse, Status> + Send + Sync;

/// A real server of reflection, in this process, that answers as it is told.
#[derive(Clone)]
pub(super) struct Peer {
    manner: Manner,
    alpha_only: bool,
}

#[derive(Clone)]
enum Manner {
    /// One answer to each question.
    Answering(Arc<Answers>),
    /// The same answer again and again, whatever is asked.
    Flooding(MessageResponse),
    /// No answer.
    Mute,
}

impl Peer {
    pub(super) fn new(
        answers: impl Fn(&Question) -> Result<MessageResponse, Status> + Send + Sync + 'static,
    ) -> Self {
        Self { manner: Manner::Answering(Arc::new(answers)), alpha_only: false }
    }

    pub(super) const fn flooding(answer: MessageResponse) -> Self {
        Self { manner: Manner::Flooding(answer), alpha_only: false }
    }

    pub(super) const fn mute() -> Self {
        Self { manner: Manner::Mute, alpha_only: false }
    }

    /// The same without v1.
    pub(super) fn alpha_only(self) -> Self {
        Self { alpha_only: true, ..self }
    }

    /// Serves one connection, and connects to it.
    pub(super) async fn channel(&self) -> PluginChannel {
        let (connector, mut listener) = memory::pair();
        let peer = self.clone();
        // It ends with the connection.
        tokio::spawn(async move {
            let accepted = listener.accept().await.unwrap();
            let service = service_fn(move |request| peer.clone().answer(request));
            let io = TokioIo::new(accepted.io);
            // How the host leaves is not the matter here.
            let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
        });
        let options = ChannelOptions::default();
        PluginChannel::connect(connector, options, Generation::new()).await.unwrap()
    }

    async fn answer(
        self,
        mut request: http::Request<Incoming>,
    ) -> Result<http::Response<Body>, Infallible> {
        let [v1, alpha] = VERSIONS;
        let expected = if self.alpha_only { alpha } else { v1 };
        if request.uri().path() != expected {
            return Ok(Status::unimplemented("not this version").into_http());
        }
        // The versions differ in their name alone.
        *request.uri_mut() = http::Uri::from_static(v1);
        ServerReflectionServer::new(self).oneshot(request).await
    }
}

#[tonic::async_trait]
impl ServerReflection for Peer {
    type ServerReflectionInfoStream = BoxStream<'static, Result<ServerReflectionResponse, Status>>;

    async fn server_reflection_info(
        &self,
        request: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Self::ServerReflectionInfoStream>, Status> {
        let message = |answer| ServerReflectionResponse {
            message_response: Some(answer),
            ..ServerReflectionResponse::default()
        };
        Ok(Response::new(match self.manner.clone() {
            Manner::Answering(answers) => request
                .into_inner()
                .map(move |question| answers(&question?.message_request.unwrap()).map(message))
                .boxed(),
            Manner::Flooding(answer) => {
                stream::repeat_with(move || Ok(message(answer.clone()))).boxed()
            }
            Manner::Mute => stream::pending().boxed(),
        }))
    }
}

pub(super) fn services<N: Into<String>>(names: impl IntoIterator<Item = N>) -> MessageResponse {
    let service = names.into_iter().map(|name| ServiceResponse { name: name.into() }).collect();
    MessageResponse::ListServicesResponse(ListServiceResponse { service })
}

pub(super) fn files(encoded: impl IntoIterator<Item = Vec<u8>>) -> MessageResponse {
    let file_descriptor_proto = encoded.into_iter().collect();
    MessageResponse::FileDescriptorResponse(FileDescriptorResponse { file_descriptor_proto })
}

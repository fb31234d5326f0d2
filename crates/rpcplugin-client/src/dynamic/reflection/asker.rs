use std::collections::BTreeSet;

use bytes::Bytes;
use prost::Message as _;
use rpcplugin_core::{Error, escape_text};
use rpcplugin_transport::{PluginChannel, error_from_status};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, Streaming, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, ServerReflectionResponse,
    server_reflection_request::MessageRequest as Question,
    server_reflection_response::MessageResponse,
};

use super::bad;
use crate::dynamic::codec::Bare;

/// The names that the service goes by, the present one first. They differ in nothing else.
pub(super) const VERSIONS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/// An open reflection call: one question, one answer, and the next.
pub(super) struct Asker {
    questions: mpsc::Sender<Bytes>,
    answers: Streaming<Bytes>,
}

/// Why there was no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The call ended with it.
    Status(Status),
    Other(Error),
}

/// An answer to a question for files.
#[derive(Debug)]
pub(super) enum Answer {
    Files(Vec<Vec<u8>>),
    /// It has none, and why.
    Refused(String),
}

impl Asker {
    pub(super) async fn open(channel: PluginChannel, path: &'static str) -> Result<Self, Failure> {
        let (questions, asked) = mpsc::channel(1);
        // Some peers answer with headers only when they have read a question, so one is sent
        // before the headers are waited for.
        let first = Question::ListServices(String::new());
        questions.try_send(encode(first)).expect("the channel is new and holds one");
        let mut grpc = Grpc::new(channel.without_request_timeout());
        let request = Request::new(ReceiverStream::new(asked));
        let path = PathAndQuery::from_static(path);
        let answers =
            grpc.streaming(request, path, Bare).await.map_err(Failure::Status)?.into_inner();
        Ok(Self { questions, answers })
    }

    /// The answer to the first question: the names of all services.
    pub(super) async fn services(&mut self) -> Result<BTreeSet<String>, Failure> {
        match self.answer().await? {
            MessageResponse::ListServicesResponse(list) => {
                Ok(list.service.into_iter().map(|service| service.name).collect())
            }
            MessageResponse::ErrorResponse(error) => Err(Failure::Status(Status::new(
                error.error_code.into(),
                escape_text(&error.error_message),
            ))),
            _ => Err(Failure::Other(bad("asked for services, it sent something else".to_owned()))),
        }
    }

    pub(super) async fn file_of_symbol(&mut self, symbol: &str) -> Result<Answer, Error> {
        self.files(Question::FileContainingSymbol(symbol.to_owned())).await
    }

    pub(super) async fn file_of_name(&mut self, name: &str) -> Result<Answer, Error> {
        self.files(Question::FileByFilename(name.to_owned())).await
    }

    async fn files(&mut self, question: Question) -> Result<Answer, Error> {
        // If nobody takes it the call has ended, and the answer tells why.
        let _ = self.questions.send(encode(question)).await;
        match self.answer().await.map_err(Failure::into_error)? {
            MessageResponse::FileDescriptorResponse(files) => {
                Ok(Answer::Files(files.file_descriptor_proto))
            }
            MessageResponse::ErrorResponse(error) => Ok(Answer::Refused(error.error_message)),
            _ => Err(bad("asked for a file, it sent something else".to_owned())),
        }
    }

    async fn answer(&mut self) -> Result<MessageResponse, Failure> {
        let other = |detail: String| Failure::Other(bad(detail));
        let bytes = self.answers.message().await.map_err(Failure::Status)?;
        let bytes = bytes.ok_or_else(|| other("it ended without an answer".to_owned()))?;
        let reply = ServerReflectionResponse::decode(bytes)
            .map_err(|error| other(format!("unreadable: {error}")))?;
        reply.message_response.ok_or_else(|| other("its answer is empty".to_owned()))
    }
}

impl Failure {
    fn into_error(self) -> Error {
        match self {
            Self::Status(status) => error_from_status(&status),
            Self::Other(error) => error,
        }
    }
}

fn encode(question: Question) -> Bytes {
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    request.encode_to_vec().into()
}

use std::{
    future::poll_fn,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::stream;
use prost::Message as _;
use prost_reflect::MethodDescriptor;
use rpcplugin_core::{Error, ProtocolError, TransportError};
use rpcplugin_transport::{PluginChannel, error_from_status};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_stream::Stream;
use tonic::{
    Request, Response, Streaming, client::Grpc, codec::CompressionEncoding,
    codegen::http::uri::PathAndQuery,
};

use super::{
    CallKind, CallOptions, Compression, Replies, Reply,
    codec::Bare,
    json::{Style, read},
    lookup,
    replies::ReplyReader,
    requests::{Failed, Requests},
};
use crate::Client;

/// A dynamic call whose method is known.
pub(super) struct Call {
    method: MethodDescriptor,
    grpc: Grpc<PluginChannel>,
    path: PathAndQuery,
    options: CallOptions,
    /// What is left of the call's own deadline.
    limit: Option<Duration>,
}

impl Call {
    /// Finds the method.
    ///
    /// # Errors
    ///
    /// Those of finding descriptors, and the method in them; `PROTOCOL_WRONG_CALL_KIND`.
    pub(super) async fn new(
        client: &Client,
        name: &str,
        kind: CallKind,
        options: CallOptions,
    ) -> Result<Self, Error> {
        let start = Instant::now();
        let method = client.schema(options.limit()).await?.method(name)?;
        let is = CallKind::of(&method);
        if is != kind {
            let (kind, function) = is.described();
            let method = lookup::path(&method);
            return Err(ProtocolError::WrongCallKind { method, kind, function }.into());
        }
        let limit = options.limit().map(|limit| limit.saturating_sub(start.elapsed()));
        if limit.is_some_and(|left| left.is_zero()) {
            let origin = format!("the call's own, {:?}", options.limit().unwrap_or_default());
            return Err(TransportError::Deadline { origin }.into());
        }
        let path = format!("/{}", lookup::path(&method));
        let path = path.parse().map_err(|_| ProtocolError::BadReply {
            detail: format!("{path:?} cannot be the path of a call"),
        })?;
        let mut grpc = Grpc::new(client.channel()).max_decoding_message_size(options.reply_size());
        if options.compression == Compression::Gzip {
            grpc = grpc
                .send_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Gzip);
        }
        Ok(Self { method, grpc, path, options, limit })
    }

    /// One request, one reply.
    pub(super) async fn unary(self, params: impl Serialize) -> Result<Reply, Error> {
        let message = self.message(params)?;
        self.single(stream::iter([message]), Failed::never()).await
    }

    /// Many requests, one reply.
    pub(super) async fn client_streaming(
        self,
        requests: impl Stream<Item = Value> + Send + 'static,
    ) -> Result<Reply, Error> {
        let (requests, failed) = self.requests(requests);
        self.single(requests, failed).await
    }

    /// One request, many replies.
    pub(super) async fn server_streaming(self, params: impl Serialize) -> Result<Replies, Error> {
        let message = self.message(params)?;
        self.replies(stream::iter([message]), Failed::never()).await
    }

    /// Many requests, many replies.
    pub(super) async fn bidirectional(
        self,
        requests: impl Stream<Item = Value> + Send + 'static,
    ) -> Result<Replies, Error> {
        let (requests, failed) = self.requests(requests);
        self.replies(requests, failed).await
    }

    async fn single(
        self,
        requests: impl Stream<Item = Bytes> + Send + 'static,
        mut failed: Failed,
    ) -> Result<Reply, Error> {
        let reader = self.reader();
        let reply = async {
            let (headers, mut replies, _) = self.start(requests).await?.into_parts();
            let refuse = |detail: &str| ProtocolError::BadReply { detail: detail.to_owned() };
            let ended = |status| error_from_status(&status);
            let message = replies.message().await.map_err(ended)?;
            let message = message.ok_or_else(|| refuse("the call ended well, without a reply"))?;
            if replies.message().await.map_err(ended)?.is_some() {
                return Err(refuse("there are several replies, where one is due").into());
            }
            let trailers = replies.trailers().await.map_err(ended)?.unwrap_or_default();
            Ok(Reply { value: reader.read(message)?, headers, trailers })
        };
        unless(&mut failed, reply).await
    }

    async fn replies(
        self,
        requests: impl Stream<Item = Bytes> + Send + 'static,
        mut failed: Failed,
    ) -> Result<Replies, Error> {
        let reader = self.reader();
        let response = unless(&mut failed, self.start(requests)).await?;
        let (headers, replies, _) = response.into_parts();
        Ok(Replies::new(replies, headers, reader, failed))
    }

    async fn start(
        mut self,
        requests: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<Response<Streaming<Bytes>>, Error> {
        let mut request = Request::new(requests);
        self.options.equip(&mut request)?;
        if let Some(limit) = self.limit {
            request.set_timeout(limit);
        }
        let response = self.grpc.streaming(request, self.path, Bare).await;
        response.map_err(|status| error_from_status(&status))
    }

    fn message(&self, params: impl Serialize) -> Result<Bytes, Error> {
        let params = match to_json(params)? {
            // What `()` is in JSON: no parameters.
            Value::Null => Value::Object(Map::new()),
            params => params,
        };
        let of = self.method.input();
        let message = read(&of, &params, self.options.allow_unknown_fields, None)?;
        Ok(message.encode_to_vec().into())
    }

    fn requests(&self, requests: impl Stream<Item = Value> + Send + 'static) -> (Requests, Failed) {
        Requests::new(requests, self.method.input(), self.options.allow_unknown_fields)
    }

    fn reader(&self) -> ReplyReader {
        let CallOptions { default_values, for_rust, .. } = self.options;
        ReplyReader { of: self.method.output(), style: Style { default_values, for_rust } }
    }
}

/// Waits for `call`, and cancels it when a request does not fit.
async fn unless<T>(
    failed: &mut Failed,
    call: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        biased;
        error = poll_fn(|cx| failed.poll(cx)) => Err(error),
        result = call => result,
    }
}

/// # Errors
///
/// `PROTOCOL_INVALID_MESSAGE` for what JSON cannot express, such as an object whose keys are no
/// texts.
fn to_json(params: impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(params).map_err(|error| {
        ProtocolError::InvalidMessage {
            path: "the message".to_owned(),
            detail: format!("it has no JSON form: {error}"),
            nearest: Vec::new(),
        }
        .into()
    })
}

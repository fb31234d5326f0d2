use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use prost_reflect::{DynamicMessage, MessageDescriptor};
use rpcplugin_core::{Error, ProtocolError};
use rpcplugin_transport::error_from_status;
use serde_json::Value;
use tokio_stream::Stream;
use tonic::{Streaming, metadata::MetadataMap};

use super::{
    json::{Style, write},
    requests::Failed,
};

/// What a dynamic call returned.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The reply as JSON.
    pub value: Value,
    /// The metadata that came before it.
    pub headers: MetadataMap,
    /// The metadata that came after it.
    pub trailers: MetadataMap,
}

/// The replies of a streaming dynamic call, each as JSON, as they come.
///
/// It ends after the last reply, or after an error. Dropping it cancels the call in the plugin.
/// Nothing is read ahead, so a slow reader slows the plugin down.
pub struct Replies {
    /// `None` after the end.
    inner: Option<Streaming<Bytes>>,
    reader: ReplyReader,
    failed: Failed,
    headers: MetadataMap,
    trailers: Option<MetadataMap>,
}

impl Replies {
    pub(super) const fn new(
        inner: Streaming<Bytes>,
        headers: MetadataMap,
        reader: ReplyReader,
        failed: Failed,
    ) -> Self {
        Self { inner: Some(inner), reader, failed, headers, trailers: None }
    }

    /// The metadata that came before the first reply.
    #[must_use]
    pub const fn headers(&self) -> &MetadataMap {
        &self.headers
    }

    /// The metadata that came after the last reply; `None` until the stream has ended well.
    #[must_use]
    pub const fn trailers(&self) -> Option<&MetadataMap> {
        self.trailers.as_ref()
    }

    /// The next reply; `None` after the last. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// What ended the call: `PROTOCOL_STATUS` and others for a status of the plugin,
    /// `PROTOCOL_BAD_REPLY` for a message that is not of the method's type,
    /// `PROTOCOL_INVALID_MESSAGE` for a request that is not, `TRANSPORT_…`.
    pub async fn message(&mut self) -> Result<Option<Value>, Error> {
        self.next().await.transpose()
    }

    fn end(&mut self, error: Error) -> Poll<Option<Result<Value, Error>>> {
        self.inner = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for Replies {
    type Item = Result<Value, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        if let Poll::Ready(error) = this.failed.poll(cx) {
            return this.end(error);
        }
        match Pin::new(&mut *inner).poll_next(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(bytes))) => match this.reader.read(bytes) {
                Ok(value) => Poll::Ready(Some(Ok(value))),
                Err(error) => this.end(error),
            },
            Poll::Ready(Some(Err(status))) => this.end(error_from_status(&status)),
            Poll::Ready(None) => {
                // They have come with the end, so nothing is waited for.
                let trailers = inner.trailers().now_or_never();
                this.trailers = Some(trailers.and_then(Result::ok).flatten().unwrap_or_default());
                this.inner = None;
                Poll::Ready(None)
            }
        }
    }
}

impl fmt::Debug for Replies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replies")
            .field("headers", &self.headers)
            .field("trailers", &self.trailers)
            .finish_non_exhaustive()
    }
}

/// Makes JSON of reply messages.
#[derive(Clone, Debug)]
pub(super) struct ReplyReader {
    pub(super) of: MessageDescriptor,
    pub(super) style: Style,
}

impl ReplyReader {
    /// # Errors
    ///
    /// `PROTOCOL_BAD_REPLY`.
    pub(super) fn read(&self, bytes: Bytes) -> Result<Value, Error> {
        let bad = |detail: String| {
            let detail = format!("it should be a {}: {detail}", self.of.full_name());
            Error::from(ProtocolError::BadReply { detail })
        };
        let message = DynamicMessage::decode(self.of.clone(), bytes)
            .map_err(|error| bad(error.to_string()))?;
        write(&message, self.style).map_err(bad)
    }
}

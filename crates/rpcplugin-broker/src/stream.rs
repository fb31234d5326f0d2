//! The two ends of the broker's stream.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt as _, stream};
use rpcplugin_proto::plugin::{
    ConnInfo,
    grpc_broker_client::GrpcBrokerClient,
    grpc_broker_server::{GrpcBroker, GrpcBrokerServer},
};
use rpcplugin_transport::PluginChannel;
use tokio::sync::mpsc;
use tokio_util::sync::DropGuard;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::{message::LONGEST, shared::Shared};

/// See [`Broker::run`](crate::Broker::run).
pub(crate) async fn run(shared: &Shared, channel: PluginChannel) -> Result<(), Status> {
    let (link, receiver) = shared.link();
    let mut client =
        GrpcBrokerClient::new(channel.without_request_timeout()).max_decoding_message_size(LONGEST);
    let session = link.session();
    // A channel waits for news of the process before it tells that its connection is lost. It lets
    // go of what it sends at once.
    let outgoing = outgoing(receiver, session.ended.clone().drop_guard());
    let talk = async {
        // Plugins in Go answer with their first announcement and not before, so ours go out while
        // this waits.
        match client.start_stream(outgoing).await {
            Ok(response) => link.drive(response.into_inner()).await,
            Err(status) => {
                if status.code() == Code::Unimplemented {
                    link.unsupported();
                }
                Err(status)
            }
        }
    };
    tokio::select! {
        biased;
        _ = shared.generation.wait() => Ok(()),
        talked = session.replaced.run_until_cancelled(talk) => talked.unwrap_or(Ok(())),
    }
}

/// See [`Broker::service`](crate::Broker::service).
pub(crate) fn service(shared: &Arc<Shared>) -> GrpcBrokerServer<StreamService> {
    GrpcBrokerServer::new(StreamService { shared: shared.clone() })
        .max_decoding_message_size(LONGEST)
}

/// What answers the host's `StartStream`; made by [`Broker::service`](crate::Broker::service).
pub struct StreamService {
    shared: Arc<Shared>,
}

#[tonic::async_trait]
impl GrpcBroker for StreamService {
    type StartStreamStream = Announcements;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Announcements>, Status> {
        let (link, receiver) = self.shared.link();
        let session = link.session();
        let ended = session.ended.clone();
        let outgoing = outgoing(receiver, ended.clone().drop_guard());
        let generation = self.shared.generation.clone();
        // In a task of its own: a host that does not read is still heard.
        self.shared.tasks.spawn(async move {
            let driven = tokio::select! {
                biased;
                _ = generation.wait() => Ok(()),
                driven = ended.run_until_cancelled(link.drive(request.into_inner())) => {
                    driven.unwrap_or(Ok(()))
                }
            };
            if let Err(status) = driven {
                tracing::debug!(code = ?status.code(), "the broker's stream ended");
            }
        });
        Ok(Response::new(Announcements {
            inner: Box::pin(outgoing.take_until(session.ended.clone().cancelled_owned()).map(Ok)),
        }))
    }
}

impl fmt::Debug for StreamService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamService").finish_non_exhaustive()
    }
}

/// What a plugin announces. Dropping it ends the session.
pub struct Announcements {
    inner: Pin<Box<dyn Stream<Item = Result<ConnInfo, Status>> + Send>>,
}

impl Stream for Announcements {
    type Item = Result<ConnInfo, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Announcements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announcements").finish_non_exhaustive()
    }
}

/// What this side announces. Dropping it ends the session.
fn outgoing(
    mut receiver: mpsc::Receiver<ConnInfo>,
    ends: DropGuard,
) -> impl Stream<Item = ConnInfo> + Send {
    stream::poll_fn(move |cx| {
        let _held = &ends;
        receiver.poll_recv(cx)
    })
}

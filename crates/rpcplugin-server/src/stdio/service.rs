use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, stream};
use rpcplugin_proto::plugin::{
    StdioData,
    grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
};
use rpcplugin_transport::serving::{RpcService, boxed};
use tonic::{Request, Response, Status};

use super::output::Output;

/// `plugin.GRPCStdio` over this output.
pub(crate) fn service(output: Arc<Output>) -> RpcService {
    boxed(GrpcStdioServer::new(Stdio { output }))
}

struct Stdio {
    output: Arc<Output>,
}

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Pin<Box<dyn Stream<Item = Result<StdioData, Status>> + Send>>;

    /// Everything from the oldest byte kept, until the plugin stops. The headers go out at once.
    async fn stream_stdio(
        &self,
        _: Request<()>,
    ) -> Result<Response<Self::StreamStdioStream>, Status> {
        if !self.output.consume() {
            return Err(Status::already_exists("another stream carries the plugin's output"));
        }
        let consumer = Consumer(Arc::clone(&self.output));
        Ok(Response::new(Box::pin(stream::unfold(consumer, |consumer| async {
            let (channel, data) = consumer.0.next().await?;
            Some((Ok(StdioData { channel: channel.into(), data }), consumer))
        }))))
    }
}

/// The one consumer; gone with its stream, however that ends.
struct Consumer(Arc<Output>);

impl Drop for Consumer {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;
    use rpcplugin_proto::plugin::stdio_data::Channel;

    use super::*;

    fn stdio() -> (Arc<Output>, Stdio) {
        let output = Arc::<Output>::default();
        (Arc::clone(&output), Stdio { output })
    }

    #[tokio::test]
    async fn what_was_written_before_the_stream_and_just_before_the_end_arrives() {
        let (output, stdio) = stdio();
        output.captured(b"early");
        let stream = stdio.stream_stdio(Request::new(())).await.unwrap().into_inner();
        output.write(Channel::Stderr, b"last words");
        output.close();
        let all: Vec<_> = stream.map(|data| data.unwrap()).collect().await;
        let of = |channel: Channel, data: &'static str| StdioData {
            channel: channel.into(),
            data: data.into(),
        };
        assert_eq!(all, [of(Channel::Stdout, "early"), of(Channel::Stderr, "last words")]);
    }

    #[tokio::test]
    async fn a_second_consumer_is_refused_until_the_first_is_gone() {
        let (_, stdio) = stdio();
        let first = stdio.stream_stdio(Request::new(())).await.unwrap();
        let second = stdio.stream_stdio(Request::new(())).await.err().unwrap();
        assert_eq!(second.code(), tonic::Code::AlreadyExists);
        drop(first);
        assert!(stdio.stream_stdio(Request::new(())).await.is_ok());
    }

    #[tokio::test]
    async fn a_waiting_consumer_gets_what_is_written() {
        let (output, stdio) = stdio();
        let mut stream = stdio.stream_stdio(Request::new(())).await.unwrap().into_inner();
        assert!(futures_util::poll!(stream.next()).is_pending());
        output.captured(b"now");
        assert_eq!(stream.next().await.unwrap().unwrap().data, "now");
    }
}

//! A service that does what it is asked.

use std::{io::Write as _, pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt as _, stream};
use rpcplugin_proto::probe::probe_server::{Probe, ProbeServer};
use tonic::{Code, Request, Response, Status, Streaming};

pub(crate) type Service = ProbeServer<Doer>;

/// The service, with tonic's own limits out of the way.
pub(crate) fn service() -> Service {
    let most = i32::MAX as usize;
    ProbeServer::new(Doer).max_decoding_message_size(most).max_encoding_message_size(most)
}

#[derive(Debug)]
pub(crate) struct Doer;

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Probe for Doer {
    type CountStream = Replies<u32>;
    type ChatStream = Replies<Vec<u8>>;

    async fn echo(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    /// The numbers; 7 in place of a number panics.
    async fn count(&self, request: Request<u32>) -> Result<Response<Self::CountStream>, Status> {
        let numbers = stream::iter(0..request.into_inner()).map(|number| {
            assert_ne!(number, 7, "seven");
            Ok(number)
        });
        Ok(Response::new(Box::pin(numbers)))
    }

    async fn sum(&self, request: Request<Streaming<u32>>) -> Result<Response<u32>, Status> {
        let mut numbers = request.into_inner();
        let mut sum = 0;
        while let Some(number) = numbers.message().await? {
            sum += number;
        }
        Ok(Response::new(sum))
    }

    async fn chat(
        &self,
        request: Request<Streaming<Vec<u8>>>,
    ) -> Result<Response<Self::ChatStream>, Status> {
        Ok(Response::new(Box::pin(request.into_inner())))
    }

    async fn blob(&self, request: Request<u32>) -> Result<Response<Vec<u8>>, Status> {
        Ok(Response::new(vec![0; request.into_inner() as usize]))
    }

    /// Sleeps; more than a minute blocks the whole thread.
    async fn sleep(&self, request: Request<u32>) -> Result<Response<()>, Status> {
        let time = Duration::from_millis(request.into_inner().into());
        if time > Duration::from_secs(60) {
            std::thread::sleep(time);
        }
        tokio::time::sleep(time).await;
        Ok(Response::new(()))
    }

    async fn fail(&self, request: Request<String>) -> Result<Response<()>, Status> {
        let text = request.into_inner();
        let (code, message) = text.split_once(':').unwrap_or(("2", &text));
        Err(Status::new(Code::from_i32(code.parse().unwrap_or(2)), message))
    }

    async fn panic(&self, request: Request<String>) -> Result<Response<()>, Status> {
        panic!("{}", request.into_inner())
    }

    async fn print(&self, request: Request<String>) -> Result<Response<()>, Status> {
        std::io::stdout().write_all(request.get_ref().as_bytes())?;
        Ok(Response::new(()))
    }

    async fn log(&self, request: Request<String>) -> Result<Response<()>, Status> {
        tracing::info!("{}", request.into_inner());
        Ok(Response::new(()))
    }

    async fn environment(&self, _: Request<()>) -> Result<Response<String>, Status> {
        let names: Vec<_> = std::env::vars_os().map(|(name, _)| name).collect();
        Ok(Response::new(format!("{names:?}")))
    }

    async fn descriptors(&self, _: Request<()>) -> Result<Response<String>, Status> {
        Err(Status::unimplemented("not needed here"))
    }

    async fn serve(&self, _: Request<()>) -> Result<Response<u32>, Status> {
        Err(Status::unimplemented("it has no broker"))
    }

    async fn dial(&self, _: Request<u32>) -> Result<Response<Vec<u8>>, Status> {
        Err(Status::unimplemented("it has no broker"))
    }
}

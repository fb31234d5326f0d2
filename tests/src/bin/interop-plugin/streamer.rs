//! go-plugin's example `streaming`, service `proto.StreamerService`.

use std::{
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tokio::fs;
use tokio_stream::StreamExt as _;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codegen::{Service, http},
    server::{Grpc, NamedService},
};
use tonic_prost::ProstCodec;
use tower::service_fn;

#[derive(Clone, PartialEq, prost::Message)]
struct Configure {
    #[prost(string, tag = "1")]
    path: String,
    #[prost(int64, tag = "2")]
    chunk_size: i64,
}

/// A piece of the file, on the way there or back.
#[derive(Clone, PartialEq, prost::Message)]
struct Chunk {
    #[prost(bytes = "vec", tag = "1")]
    data: Vec<u8>,
}

/// Writes and reads one file, in chunks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streamer(Arc<Mutex<Settings>>);

#[derive(Clone, Debug, Default)]
struct Settings {
    path: PathBuf,
    chunk_size: usize,
}

impl Streamer {
    fn settings(&self) -> Settings {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn configure(&self, request: Configure) -> Result<Response<()>, Status> {
        let chunk_size = usize::try_from(request.chunk_size).ok().filter(|size| *size > 0);
        let chunk_size = chunk_size.ok_or_else(|| Status::invalid_argument("no chunk size"))?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Settings { path: request.path.into(), chunk_size };
        Ok(Response::new(()))
    }

    async fn write(&self, mut chunks: Streaming<Chunk>) -> Result<Response<()>, Status> {
        let mut data = Vec::new();
        while let Some(chunk) = chunks.message().await? {
            data.extend(chunk.data);
        }
        fs::write(self.settings().path, data).await?;
        Ok(Response::new(()))
    }

    async fn read(
        &self,
    ) -> Result<Response<impl tokio_stream::Stream<Item = Result<Chunk, Status>> + use<>>, Status>
    {
        let Settings { path, chunk_size } = self.settings();
        let data = fs::read(path).await?;
        let chunks: Vec<_> =
            data.chunks(chunk_size).map(|data| Chunk { data: data.to_vec() }).collect();
        Ok(Response::new(tokio_stream::iter(chunks).map(Ok)))
    }

    async fn answer(self, request: http::Request<Body>) -> http::Response<Body> {
        match request.uri().path() {
            "/proto.StreamerService/Configure" => {
                let call = service_fn(|request: Request<Configure>| async {
                    self.configure(request.into_inner())
                });
                Grpc::new(ProstCodec::<(), Configure>::default()).unary(call, request).await
            }
            "/proto.StreamerService/Write" => {
                let call = service_fn(|request: Request<Streaming<Chunk>>| {
                    self.write(request.into_inner())
                });
                let codec = ProstCodec::<(), Chunk>::default();
                Grpc::new(codec).client_streaming(call, request).await
            }
            "/proto.StreamerService/Read" => {
                let call = service_fn(|_: Request<()>| self.read());
                let codec = ProstCodec::<Chunk, ()>::default();
                Grpc::new(codec).server_streaming(call, request).await
            }
            _ => Status::unimplemented("no such method").into_http(),
        }
    }
}

impl NamedService for Streamer {
    const NAME: &'static str = "proto.StreamerService";
}

impl Service<http::Request<Body>> for Streamer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let streamer = self.clone();
        Box::pin(async move { Ok(streamer.answer(request).await) })
    }
}

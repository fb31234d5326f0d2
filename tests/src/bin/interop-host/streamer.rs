//! go-plugin's example `streaming`, service `proto.StreamerService`.

use anyhow::{Context as _, Result, ensure};
use rpcplugin::transport::PluginChannel;
use tokio_stream::StreamExt as _;
use tonic::{Request, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use crate::{report::Report, session::Session};

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

const TEXT: &[u8] = b"Lorem ipsum dolor sit amet";

/// Writes a file of the working directory through the plugin, and reads it back, in chunks.
pub(crate) async fn check(session: &Session, report: &mut Report<'_>) {
    report
        .that("configure", async {
            let request = Configure { path: "streamed".into(), chunk_size: 10 };
            let codec = ProstCodec::<Configure, ()>::default();
            let mut grpc = grpc(session).await?;
            grpc.unary(Request::new(request), path("Configure"), codec).await?;
            Ok("accepted".into())
        })
        .await;
    report
        .that("client_stream", async {
            let chunks: Vec<_> =
                TEXT.chunks(10).map(|data| Chunk { data: data.to_vec() }).collect();
            let codec = ProstCodec::<Chunk, ()>::default();
            let request = Request::new(tokio_stream::iter(chunks));
            let reply = grpc(session).await?.client_streaming(request, path("Write"), codec).await;
            // The example's plugin ends this call well and without a reply; its own host overlooks
            // that, and tonic does not.
            if let Err(status) = reply {
                ensure!(status.message() == "Missing response message.", "{status:?}");
            }
            let written = std::fs::read("streamed").context("nothing was written")?;
            ensure!(written == TEXT, "wrote {written:?}");
            Ok("3 chunks".into())
        })
        .await;
    report
        .that("server_stream", async {
            let codec = ProstCodec::<(), Chunk>::default();
            let mut grpc = grpc(session).await?;
            let reply = grpc.server_streaming(Request::new(()), path("Read"), codec).await?;
            let chunks: Vec<Chunk> = reply.into_inner().collect::<Result<_, _>>().await?;
            let lengths: Vec<_> = chunks.iter().map(|chunk| chunk.data.len()).collect();
            let text = chunks.into_iter().flat_map(|chunk| chunk.data).collect::<Vec<_>>();
            ensure!(text == TEXT && lengths == [10, 10, 6], "{lengths:?}: {text:?}");
            Ok("3 chunks".into())
        })
        .await;
}

async fn grpc(session: &Session) -> Result<Grpc<PluginChannel>> {
    let mut grpc: Grpc<PluginChannel> = session.client.dispense(Grpc::new);
    grpc.ready().await?;
    Ok(grpc)
}

fn path(method: &str) -> PathAndQuery {
    let path = format!("/proto.StreamerService/{method}");
    path.try_into().expect("a path of plain letters")
}

//! Calls of any method, with messages as bytes.

use bytes::{Buf as _, BufMut as _};
use rpcplugin::{
    tonic::{
        self, Status, Streaming,
        client::Grpc,
        codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
        codegen::http::uri::PathAndQuery,
    },
    transport::PluginChannel,
};
use tokio_stream::Stream;

/// Messages as they are.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

/// Calls a method that takes one message and gives one.
pub(crate) async fn unary(
    channel: PluginChannel,
    path: &'static str,
    message: Vec<u8>,
) -> Result<Vec<u8>, Status> {
    let mut client = Grpc::new(channel);
    client.ready().await?;
    let request = tonic::Request::new(message);
    let path = PathAndQuery::from_static(path);
    Ok(client.unary(request, path, Raw).await?.into_inner())
}

/// Calls a method with streams both ways.
pub(crate) async fn streaming(
    channel: PluginChannel,
    path: &'static str,
    messages: impl Stream<Item = Vec<u8>> + Send + 'static,
) -> Result<Streaming<Vec<u8>>, Status> {
    let mut client = Grpc::new(channel);
    client.ready().await?;
    let request = tonic::Request::new(messages);
    let path = PathAndQuery::from_static(path);
    Ok(client.streaming(request, path, Raw).await?.into_inner())
}

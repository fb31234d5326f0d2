use rpcplugin_proto::text::{Line, text_server::Text};
use tokio_stream::StreamExt as _;
use tonic::{Request, Response, Status, Streaming, codegen::BoxStream};

/// Works on lines of text, with one method of each kind of call: what `streaming-plugin` serves.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Words;

#[tonic::async_trait]
impl Text for Words {
    async fn upper(&self, request: Request<Line>) -> Result<Response<Line>, Status> {
        Ok(Response::new(Line { text: request.into_inner().text.to_uppercase() }))
    }

    type SplitStream = BoxStream<Line>;

    async fn split(&self, request: Request<Line>) -> Result<Response<Self::SplitStream>, Status> {
        let text = request.into_inner().text;
        let words: Vec<_> =
            text.split_whitespace().map(|word| Ok(Line { text: word.into() })).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(words))))
    }

    async fn join(&self, request: Request<Streaming<Line>>) -> Result<Response<Line>, Status> {
        let mut lines = request.into_inner();
        let mut words = Vec::new();
        while let Some(line) = lines.message().await? {
            words.push(line.text);
        }
        Ok(Response::new(Line { text: words.join(" ") }))
    }

    type ReverseStream = BoxStream<Line>;

    async fn reverse(
        &self,
        request: Request<Streaming<Line>>,
    ) -> Result<Response<Self::ReverseStream>, Status> {
        let lines = request.into_inner();
        let reversed =
            lines.map(|line| line.map(|line| Line { text: line.text.chars().rev().collect() }));
        Ok(Response::new(Box::pin(reversed)))
    }
}

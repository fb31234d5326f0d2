use std::{
    ffi::OsString,
    time::{Duration, Instant},
};

use rpcplugin::{
    Client, Error,
    client::{CallKind, CallOptions, Replies},
};
use serde_json::{Value, json};

use crate::failure::Failure;

/// What is called.
#[derive(Clone, Debug)]
pub(super) struct Method {
    /// As it was typed, or its full name once it is known; none for health.
    name: Option<String>,
    kind: CallKind,
    message: Value,
    /// How often a stream of requests has the message.
    messages: usize,
    deadline: Duration,
}

/// How a call went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    /// The time to the first reply of a stream.
    pub(super) first: Option<Duration>,
    pub(super) replies: u64,
}

impl Method {
    pub(super) fn new(
        name: Option<OsString>,
        message: Option<OsString>,
        messages: u32,
        deadline: Duration,
    ) -> Result<Self, Failure> {
        let text = |word: OsString| word.to_string_lossy().into_owned();
        let message = match message.map(text) {
            None => json!({}),
            Some(text) => rpcplugin::client::parse_json(&text)?,
        };
        let messages = usize::try_from(messages).unwrap_or(usize::MAX);
        let name = name.map(text);
        Ok(Self { name, kind: CallKind::Unary, message, messages, deadline })
    }

    pub(super) fn name(&self) -> Option<String> {
        self.name.clone()
    }

    /// Whether replies are a stream.
    pub(super) fn streams(&self) -> bool {
        matches!(self.kind, CallKind::ServerStreaming | CallKind::Bidirectional)
    }

    /// The same with what the plugin says of it.
    pub(super) async fn found(&self, client: &Client) -> Result<Self, Error> {
        let mut found = self.clone();
        if let Some(name) = &self.name {
            let info = client.describe(name).await?;
            found.name = Some(info.full_name().to_owned());
            found.kind = info.kind();
        }
        Ok(found)
    }

    /// Makes a call, and reads all that is answered.
    pub(super) async fn call(&self, client: &Client) -> Result<Answered, Error> {
        let Some(name) = &self.name else {
            client.ping().await?;
            return Ok(Answered { first: None, replies: 1 });
        };
        let options = CallOptions::new().deadline(self.deadline);
        let requests =
            || tokio_stream::iter(std::iter::repeat_n(self.message.clone(), self.messages));
        let began = Instant::now();
        match self.kind {
            CallKind::ServerStreaming => {
                let replies =
                    client.call_server_streaming_with(name, &self.message, options).await?;
                read(began, replies).await
            }
            CallKind::ClientStreaming => {
                client.call_client_streaming_with(name, requests(), options).await?;
                Ok(Answered { first: None, replies: 1 })
            }
            CallKind::Bidirectional => {
                let replies = client.call_bidirectional_with(name, requests(), options).await?;
                read(began, replies).await
            }
            _ => {
                client.call_method_with(name, &self.message, options).await?;
                Ok(Answered { first: None, replies: 1 })
            }
        }
    }
}

async fn read(began: Instant, mut replies: Replies) -> Result<Answered, Error> {
    let mut answered = Answered { first: None, replies: 0 };
    while replies.message().await?.is_some() {
        answered.first.get_or_insert_with(|| began.elapsed());
        answered.replies += 1;
    }
    Ok(answered)
}

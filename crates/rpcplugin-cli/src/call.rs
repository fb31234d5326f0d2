use std::{ffi::OsString, time::Duration};

use clap::Args;
use rpcplugin::{
    Client,
    client::{CallKind, CallOptions, MethodInfo, Replies},
    tonic::metadata::MetadataMap,
};
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;

use crate::{
    failure::Failure,
    launch::Launch,
    output::{Answer, FAINT, Output, Pieces},
};

mod metadata;
mod outcome;
mod requests;
mod times;

use self::times::Times;
pub(crate) use self::{outcome::coded, requests::Requests};

/// Call a method of a plugin, without generated code.
///
/// Parameters and replies are JSON as protobuf maps it. What methods there are is asked of the
/// plugin by gRPC reflection, unless --descriptors or --proto tells it. A method is named
/// package.Service/Method, Service.Method, or Method alone where one service has it; `inspect`
/// lists them.
///
/// A stream is one JSON value a line, in and out, each sent and shown as it comes. Ctrl-C cancels
/// the call in the plugin.
///
/// Exit codes: 0 the call succeeded; 1 something else failed; 2 wrong usage, also parameters that
/// do not fit, an unknown method, and JSON that is none; 3 CONFIG_…; 4 HANDSHAKE_…, the plugin did
/// not start; 5 SECURITY_…; 6 TRANSPORT_…, the connection or the plugin was lost; 7 PROTOCOL_…;
/// 20 + N the plugin ended the call with the gRPC status N, such as 25 for NOT_FOUND, 24 also for
/// a deadline; 128 + N a signal.
#[derive(Args, Debug)]
#[command(override_usage = "rpcplugin call [OPTIONS] <PLUGIN> <METHOD> [JSON|-]\n       \
                            rpcplugin call [OPTIONS] <METHOD> [JSON|-] -- <PROGRAM> [ARGUMENTS]...")]
pub(crate) struct Call {
    /// The plugin's program; not with --attach, --connect or a program after --.
    #[arg(value_name = "PLUGIN")]
    first: Option<OsString>,
    /// The method.
    #[arg(value_name = "METHOD")]
    second: Option<OsString>,
    /// The parameters, several one after the other for a stream; - reads them from stdin. Without
    /// any the request is empty, or, for a stream, read from stdin.
    #[arg(value_name = "JSON|-")]
    third: Option<OsString>,
    #[command(flatten)]
    how: How,
    /// Call so many times, one after the other, and tell how long that took.
    #[arg(long, value_name = "COUNT", default_value_t = 1, hide_default_value = true,
          value_parser = clap::value_parser!(u64).range(1..))]
    repeat: u64,
    #[command(flatten)]
    launch: Box<Launch>,
}

/// How a call is made.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct How {
    /// Metadata to send along; base64 for a key that ends with -bin. May be given again.
    #[arg(long, value_name = "KEY=VALUE")]
    metadata: Vec<OsString>,
    /// How long the call may take, such as 5s; a stream until its end [default: no limit].
    #[arg(long, value_name = "DURATION", value_parser = crate::launch::duration)]
    deadline: Option<Duration>,
    /// Show headers and trailers, on stderr.
    #[arg(long)]
    headers: bool,
    /// Leave out fields that the request's type does not have.
    #[arg(long)]
    allow_unknown_fields: bool,
    /// Show fields of replies that stand at their default value too.
    #[arg(long)]
    defaults: bool,
}

impl Call {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        self.go(out).map_err(coded)
    }

    fn go(self, out: &Output) -> Result<Answer, Failure> {
        let Self { first, second, third, how, repeat, launch } = self;
        let (plugin, [method, json]) = launch.words([first, second, third])?;
        let Some(method) = method else {
            return Err(Failure::usage(
                "no method was named",
                "inspect lists those that there are",
            ));
        };
        let method = method.to_string_lossy().into_owned();
        let options = how.options()?;
        launch.plan(plugin)?.run(out, async |plugin| {
            let method = plugin.describe(&method).await?;
            let made = Made { plugin, out, method, how: &how, options };
            let mut times = Times::default();
            if repeat > 1 && made.takes_stdin(json.as_deref()) {
                return Err(Failure::usage(
                    "stdin can be read only once",
                    "give the parameters as an argument to repeat the call",
                ));
            }
            for _ in 0..repeat {
                let requests = Requests::new(json.as_deref(), made.takes_a_stream())?;
                let began = tokio::time::Instant::now();
                if !made.call(requests).await? {
                    return Ok(Answer::Yes);
                }
                times.add(began.elapsed());
            }
            if repeat > 1 {
                out.remark(times);
            }
            Ok(Answer::Yes)
        })
    }
}

impl How {
    pub(crate) fn options(&self) -> Result<CallOptions, Failure> {
        let mut options = CallOptions::new()
            .allow_unknown_fields(self.allow_unknown_fields)
            .default_values(self.defaults);
        if let Some(limit) = self.deadline {
            options = options.deadline(limit);
        }
        self.metadata.iter().try_fold(options, |options, pair| metadata::add(options, pair))
    }
}

/// A call that only lacks its requests.
pub(crate) struct Made<'a> {
    pub(crate) plugin: &'a Client,
    pub(crate) out: &'a Output,
    pub(crate) method: MethodInfo,
    pub(crate) how: &'a How,
    pub(crate) options: CallOptions,
}

impl Made<'_> {
    pub(crate) fn takes_a_stream(&self) -> bool {
        matches!(self.method.kind(), CallKind::ClientStreaming | CallKind::Bidirectional)
    }

    fn takes_stdin(&self, json: Option<&std::ffi::OsStr>) -> bool {
        json.map_or(self.takes_a_stream(), |json| json == "-")
    }

    /// Makes the call, and shows what comes back; `false` if nobody reads any longer.
    pub(crate) async fn call(&self, requests: Requests) -> Result<bool, Failure> {
        let (plugin, options) = (self.plugin, self.options.clone());
        let name = self.method.full_name();
        let Requests { mut first, rest, failed } = requests;
        let calling = async {
            match self.method.kind() {
                CallKind::Unary => {
                    let params = first.take().unwrap_or_default();
                    let reply = plugin.call_method_with(name, params, options).await?;
                    self.one(&reply.value, &reply.headers, &reply.trailers).await
                }
                CallKind::ClientStreaming => {
                    let reply = plugin.call_client_streaming_with(name, rest, options).await?;
                    self.one(&reply.value, &reply.headers, &reply.trailers).await
                }
                CallKind::ServerStreaming => {
                    let params = first.take().unwrap_or_default();
                    self.many(plugin.call_server_streaming_with(name, params, options).await?).await
                }
                _ => self.many(plugin.call_bidirectional_with(name, rest, options).await?).await,
            }
        };
        tokio::select! {
            biased;
            Ok(failure) = failed => Err(failure),
            done = calling => done,
        }
    }

    async fn one(
        &self,
        value: &Value,
        headers: &MetadataMap,
        trailers: &MetadataMap,
    ) -> Result<bool, Failure> {
        self.show_metadata("headers", headers);
        let done = self.out.result(|| value.clone(), |f| writeln!(f, "{value:#}")).await;
        self.show_metadata("trailers", trailers);
        done.map(|()| true)
    }

    async fn many(&self, mut replies: Replies) -> Result<bool, Failure> {
        self.show_metadata("headers", replies.headers());
        let pieces: Pieces = self.out.pieces(1)?;
        let writer = pieces.writer();
        let outcome = loop {
            let reply = tokio::select! {
                reply = replies.next() => reply,
                () = writer.closed() => break Ok(false),
            };
            match reply {
                None => break Ok(true),
                Some(Err(error)) => break Err(error.into()),
                Some(Ok(value)) => {
                    if !writer.write(|| value.clone(), |f| writeln!(f, "{value}")).await {
                        break Ok(false);
                    }
                }
            }
        };
        pieces.finish().await?;
        if let Some(trailers) = replies.trailers() {
            self.show_metadata("trailers", trailers);
        }
        outcome
    }

    fn show_metadata(&self, name: &str, metadata: &MetadataMap) {
        if self.how.headers {
            self.out.aside(
                || json!({ name: metadata::to_json(metadata) }),
                |f| {
                    metadata::lines(metadata)
                        .try_for_each(|line| writeln!(f, "{FAINT}{name}:{FAINT:#} {line}"))
                },
            );
        }
    }
}

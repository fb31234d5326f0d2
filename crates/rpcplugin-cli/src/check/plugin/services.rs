//! The services that every plugin has beside the user's.

use std::{pin::pin, time::Duration};

use rpcplugin::{
    tonic::{Code, Status, Streaming},
    transport::PluginChannel,
};
use rpcplugin_proto::{
    health::{
        HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
    },
    plugin::{ConnInfo, grpc_broker_client::GrpcBrokerClient, grpc_stdio_client::GrpcStdioClient},
};
use tokio::time::{Instant, timeout};
use tokio_stream::StreamExt as _;

use super::{line::Facts, rules::*};
use crate::check::{
    book::{Book, Session, Stop},
    dial::{answers, is_answer},
    raw_call,
    rule::Rule,
    target::{Started, Target},
};

/// Health, stdio, methods that are not there.
pub(crate) async fn run(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    let started = target.start(&facts.launch(target)).await?;
    let channel = connected(&started).await?;
    let limits = target.limits;
    health(&channel, limits.quiet, book).await;

    let stdio = GrpcStdioClient::new(channel.clone().without_request_timeout());
    let open = || {
        let mut stdio = stdio.clone();
        async move { stdio.stream_stdio(()).await }
    };
    let first = hold(&channel, limits.quiet, open()).await;
    if served(STDIO, &first, book) {
        drop(first);
        let second = freed(&channel, (limits.call, limits.quiet), open).await;
        served(STDIO_AGAIN, &second, book);
    }

    let answer = raw_call::unary(channel, "/rpcplugin.check.Nobody/Nothing", Vec::new()).await;
    let (kept, seen) = match &answer {
        Err(status) if is_answer(status) => {
            (status.code() == Code::Unimplemented, name(status).to_owned())
        }
        Err(status) => (false, rpcplugin::error_from_status(status).code().to_owned()),
        Ok(_) => (false, "it is answered".to_owned()),
    };
    book.check(UNKNOWN_METHOD, kept, seen);
    Ok(())
}

/// Opens a connection that answers, or stops.
pub(crate) async fn connected(started: &Started) -> Result<PluginChannel, Stop> {
    let refused = |why: String| Stop(format!("no call is answered: {why}"));
    let channel =
        started.route.channel().await.map_err(|error| refused(error.code().to_owned()))?;
    answers(channel.clone()).await.map_err(refused)?;
    Ok(channel)
}

async fn health(channel: &PluginChannel, quiet: Duration, book: &mut Book) {
    let client = HealthClient::new(channel.clone());
    let ask = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        client.clone().check(request).await.map(|answer| answer.into_inner().status())
    };
    for (rule, service) in [(HEALTH, "plugin"), (HEALTH_EMPTY, "")] {
        let answer = ask(service).await;
        let seen = match &answer {
            Ok(status) => status.as_str_name().to_owned(),
            Err(status) => name(status).to_owned(),
        };
        book.check(rule, answer.is_ok_and(|status| status == ServingStatus::Serving), seen);
    }
    let answer = ask("rpcplugin.check.Nobody").await;
    let seen = match &answer {
        Ok(status) => status.as_str_name().to_owned(),
        Err(status) => name(status).to_owned(),
    };
    let kept = answer.is_err_and(|status| status.code() == Code::NotFound);
    book.check(HEALTH_UNKNOWN, kept, seen);

    let request = HealthCheckRequest { service: "plugin".to_owned() };
    let watching = async {
        let mut stream = client.clone().watch(request).await?.into_inner();
        let first = stream.next().await.transpose()?.map(|answer| answer.status());
        // It has more to say only when something changes.
        let over = timeout(quiet, stream.next()).await.is_ok();
        Ok::<_, Status>((first, over))
    };
    let (kept, seen) = match watching.await {
        Err(status) => (false, name(&status).to_owned()),
        Ok((None, _)) => (false, "it ends without a status".to_owned()),
        Ok((Some(_), true)) => (false, "it ends after one status".to_owned()),
        Ok((Some(status), false)) => {
            (status == ServingStatus::Serving, status.as_str_name().to_owned())
        }
    };
    book.check(HEALTH_WATCH, kept, seen);
}

/// Side channels: the stream on which they are announced.
pub(crate) async fn broker(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    let started = target.start(&facts.launch(target)).await?;
    let channel = connected(&started).await?;
    let limits = target.limits;
    let client = GrpcBrokerClient::new(channel.clone().without_request_timeout());
    let open = || {
        let mut client = client.clone();
        async move {
            // For an id that nobody waits for, and then nothing more.
            let stray = ConnInfo {
                service_id: 4_000_000_000,
                network: "unix".into(),
                address: "/nowhere/at/all".into(),
                knock: None,
            };
            let messages = tokio_stream::once(stray).chain(tokio_stream::pending());
            client.start_stream(messages).await
        }
    };
    let first = hold(&channel, limits.quiet, open()).await;
    if !served(BROKER, &first, book) {
        return Err(Stop("there is no broker".to_owned()));
    }
    let alive = answers(channel.clone()).await;
    let seen = alive.clone().err().unwrap_or_else(|| "calls are answered".to_owned());
    book.check(BROKER_STRAY, alive.is_ok(), seen);
    drop(first);
    let second = freed(&channel, (limits.call, limits.quiet), open).await;
    served(BROKER_AGAIN, &second, book);
    Ok(())
}

/// A stream that was opened, as far as one can see.
enum Held<T> {
    /// It is open, or its headers have not come yet: some servers send them with the first message.
    Open(#[expect(dead_code, reason = "it stays open as long as this")] Option<Box<Streaming<T>>>),
    Ended(Option<Status>),
}

/// Opens a stream, and looks whether it stays open: while a call is answered beside it, and a
/// moment more.
async fn hold<T>(
    channel: &PluginChannel,
    quiet: Duration,
    opening: impl Future<Output = Result<rpcplugin::tonic::Response<Streaming<T>>, Status>>,
) -> Held<T> {
    let moment = async {
        // If it is not answered, that is said elsewhere.
        let _ = answers(channel.clone()).await;
        tokio::time::sleep(quiet).await;
    };
    let mut moment = pin!(moment);
    let mut opened = tokio::select! {
        biased;
        reply = opening => match reply {
            Ok(reply) => reply.into_inner(),
            Err(status) => return Held::Ended(Some(status)),
        },
        () = &mut moment => return Held::Open(None),
    };
    tokio::select! {
        biased;
        next = opened.next() => match next {
            None => Held::Ended(None),
            Some(Err(status)) => Held::Ended(Some(status)),
            Some(Ok(_)) => Held::Open(Some(Box::new(opened))),
        },
        () = &mut moment => Held::Open(Some(Box::new(opened))),
    }
}

/// Opens a stream again and again until the one before is over for the plugin too.
async fn freed<T, F>(
    channel: &PluginChannel,
    (limit, quiet): (Duration, Duration),
    open: impl Fn() -> F,
) -> Held<T>
where
    F: Future<Output = Result<rpcplugin::tonic::Response<Streaming<T>>, Status>>,
{
    let deadline = Instant::now() + limit;
    loop {
        match hold(channel, quiet, open()).await {
            Held::Ended(Some(status))
                if status.code() == Code::AlreadyExists && Instant::now() < deadline =>
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            held => return held,
        }
    }
}

fn served<T>(rule: &'static Rule, held: &Held<T>, book: &mut Book) -> bool {
    let (kept, seen) = match held {
        Held::Open(_) => (true, "it is open"),
        Held::Ended(None) => (false, "it ends at once"),
        Held::Ended(Some(status)) => (false, name(status)),
    };
    book.check(rule, kept, seen)
}

/// Reflection, where the connection is authenticated.
pub(crate) async fn reflection(target: &Target, facts: &Facts, book: &mut Book) -> Session {
    const V1: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const V1ALPHA: &str = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
    let started = target.start(&facts.mutual(target)).await?;
    let channel = connected(&started).await?;
    let mut seen = Vec::new();
    for (version, path) in [("v1", V1), ("v1alpha", V1ALPHA)] {
        // list_services: "*"
        let request = tokio_stream::once(vec![0x3a, 1, b'*']);
        let answer = async {
            let mut stream = raw_call::streaming(channel.clone(), path, request).await?;
            stream.next().await.transpose()
        };
        match timeout(target.limits.call, answer).await {
            Ok(Ok(Some(_))) => {}
            Ok(Ok(None)) => seen.push(format!("{version}: no answer")),
            Ok(Err(status)) => seen.push(format!("{version}: {}", name(&status))),
            Err(_) => seen.push(format!("{version}: no answer in time")),
        }
    }
    let kept = seen.is_empty();
    book.check(REFLECTION, kept, if kept { "it is".to_owned() } else { seen.join("; ") });
    Ok(())
}

/// A status by the name that gRPC gives its code.
pub(crate) fn name(status: &Status) -> &'static str {
    if !is_answer(status) {
        return "the connection ends";
    }
    match status.code() {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

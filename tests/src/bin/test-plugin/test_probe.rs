use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    pin::Pin,
    time::Duration,
};

use rpcplugin::{Error, broker::Broker, server::Context};
use rpcplugin_proto::probe::{
    probe_client::ProbeClient,
    probe_server::{Probe, ProbeServer},
};
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::report::{Unfinished, report};

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Does what it is asked, and tells what it has.
#[derive(Clone, Debug)]
pub(crate) struct TestProbe {
    version: u32,
    broker: Broker,
    context: Context,
}

impl TestProbe {
    /// The probe of one protocol version.
    pub(crate) fn new(context: &Context) -> Self {
        Self { version: context.version(), broker: context.broker(), context: context.clone() }
    }
}

#[tonic::async_trait]
impl Probe for TestProbe {
    type CountStream = Replies<u32>;
    type ChatStream = Replies<Vec<u8>>;

    async fn echo(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Status> {
        let mut response = Response::new(request.into_inner());
        response.metadata_mut().insert("version", self.version.into());
        Ok(response)
    }

    async fn count(&self, request: Request<u32>) -> Result<Response<Self::CountStream>, Status> {
        let numbers = tokio_stream::iter(0..request.into_inner()).map(Ok);
        Ok(Response::new(Box::pin(numbers)))
    }

    async fn sum(&self, request: Request<Streaming<u32>>) -> Result<Response<u32>, Status> {
        let call = Unfinished::start("sum");
        let mut numbers = request.into_inner();
        let mut sum = 0_u32;
        while let Some(number) = numbers.message().await? {
            sum = sum.wrapping_add(number);
            report(&format!("sum {sum}"));
        }
        call.finish();
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

    async fn sleep(&self, request: Request<u32>) -> Result<Response<()>, Status> {
        let call = Unfinished::start("sleep");
        tokio::time::sleep(Duration::from_millis(request.into_inner().into())).await;
        call.finish();
        Ok(Response::new(()))
    }

    /// `CODE:message`, or `CODE@MILLISECONDS:message` for one that says when to try again.
    async fn fail(&self, request: Request<String>) -> Result<Response<()>, Status> {
        let text = request.into_inner();
        let (code, message) = text.split_once(':').unwrap_or(("2", &text));
        let (code, delay) = code.split_once('@').unwrap_or((code, ""));
        let code = code.parse().map_or(Code::Unknown, Code::from_i32);
        let mut status = Status::new(code, message);
        if let Ok(milliseconds) = delay.parse::<u32>() {
            status.metadata_mut().insert("grpc-retry-pushback-ms", milliseconds.into());
        }
        Err(status)
    }

    async fn panic(&self, request: Request<String>) -> Result<Response<()>, Status> {
        panic!("{}", request.into_inner())
    }

    /// What follows `stderr:` goes to the second half of the captured output. After what follows
    /// `exit beside a call:` and `exit inside a call:` the process ends.
    async fn print(&self, request: Request<String>) -> Result<Response<()>, Status> {
        if let Some(text) = request.get_ref().strip_prefix("stderr:") {
            rpcplugin::server::stdio::stderr().write_all(text.as_bytes())?;
            return Ok(Response::new(()));
        }
        if let Some(text) = request.get_ref().strip_prefix("exit beside a call:") {
            print_unflushed(text)?;
            let context = self.context.clone();
            tokio::spawn(async move { context.exit(3).await });
            return Ok(Response::new(()));
        }
        if let Some(text) = request.get_ref().strip_prefix("exit inside a call:") {
            print_unflushed(text)?;
            match self.context.exit(4).await {}
        }
        let mut stdout = io::stdout();
        stdout.write_all(request.get_ref().as_bytes())?;
        stdout.flush()?;
        Ok(Response::new(()))
    }

    async fn log(&self, request: Request<String>) -> Result<Response<()>, Status> {
        let text = request.into_inner();
        match text.split_once(':') {
            Some(("error", message)) => tracing::error!(probe = self.version, "{message}"),
            Some(("warn", message)) => tracing::warn!(probe = self.version, "{message}"),
            Some(("info", message)) => tracing::info!(probe = self.version, "{message}"),
            Some(("debug", message)) => tracing::debug!(probe = self.version, "{message}"),
            Some(("trace", message)) => tracing::trace!(probe = self.version, "{message}"),
            _ => return Err(Status::invalid_argument("level:message")),
        }
        Ok(Response::new(()))
    }

    async fn environment(&self, _: Request<()>) -> Result<Response<String>, Status> {
        let all: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| {
                (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
            })
            .collect();
        Ok(Response::new(serde_json::json!(all).to_string()))
    }

    async fn descriptors(&self, _: Request<()>) -> Result<Response<String>, Status> {
        let mut open = Vec::new();
        for entry in fs::read_dir("/proc/self/fd")? {
            let entry = entry?;
            // The descriptor of this very look is gone when its link is read.
            if let Ok(target) = fs::read_link(entry.path()) {
                let number = entry.file_name();
                open.push(format!("{} -> {}", number.to_string_lossy(), target.display()));
            }
        }
        Ok(Response::new(serde_json::json!(open).to_string()))
    }

    async fn serve(&self, _: Request<()>) -> Result<Response<u32>, Status> {
        let served = self.broker.serve(ProbeServer::new(self.clone())).await;
        Ok(Response::new(served.map_err(|error| failed(&error))?.keep().get()))
    }

    async fn dial(&self, request: Request<u32>) -> Result<Response<Vec<u8>>, Status> {
        let channel = self.broker.dial(request.into_inner()).await;
        let channel = channel.map_err(|error| failed(&error))?;
        ProbeClient::new(channel).echo(b"over a side channel".to_vec()).await
    }
}

/// Leaves what it can in buffers.
fn print_unflushed(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())?;
    rpcplugin::server::stdio::stderr().write_all(b"and here")?;
    tracing::info!("about to exit");
    Ok(())
}

/// An error of the broker, with its code first.
fn failed(error: &Error) -> Status {
    Status::aborted(format!("{}: {error}", error.code()))
}

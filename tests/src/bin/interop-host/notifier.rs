//! crowdsec's service `proto.Notifier`, as far as these checks need it.

use anyhow::{Context as _, Result, ensure};
use rpcplugin::transport::PluginChannel;
use tonic::{client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;
use tracing::Level;

use crate::{recorder::Recorder, report::Report, session::Session};

/// The settings of a notification, as YAML.
#[derive(Clone, PartialEq, prost::Message)]
struct Config {
    #[prost(bytes = "vec", tag = "2")]
    config: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Notification {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(string, tag = "2")]
    name: String,
}

/// Configures the plugin, and has it write a notification to a file of the working directory.
pub(crate) async fn check(session: &Session, recorder: &Recorder, report: &mut Report<'_>) {
    let config = "name: interop\nlog_level: info\noutput_file: notified\n";
    let notification = Notification { text: "a text".into(), name: "interop".into() };
    report
        .that("configure", async {
            call(session, "Configure", Config { config: config.into() }).await?;
            Ok("accepted".into())
        })
        .await;
    report
        .that("notify", async {
            call(session, "Notify", notification.clone()).await?;
            let written = std::fs::read_to_string("notified").context("nothing was written")?;
            ensure!(written == "a text\n", "wrote {written:?}");
            Ok("written to a file".into())
        })
        .await;
    report
        .that("status", async {
            let unknown = Notification { name: "unknown".into(), ..notification };
            let status = call(session, "Notify", unknown).await.err().context("accepted")?;
            ensure!(status.message().contains("invalid plugin config name"), "{status}");
            Ok(format!("{:?}: {}", status.code(), status.message()))
        })
        .await;
    report
        .that("log", async {
            recorder.wait_for(Level::INFO, "received signal for interop config").await?;
            Ok("arrived as information".into())
        })
        .await;
}

async fn call<M>(session: &Session, method: &str, request: M) -> Result<(), tonic::Status>
where
    M: prost::Message + Default + 'static,
{
    let path = PathAndQuery::try_from(format!("/proto.Notifier/{method}"))
        .map_err(|error| tonic::Status::internal(error.to_string()))?;
    let mut grpc: Grpc<PluginChannel> = session.client.dispense(Grpc::new);
    grpc.ready().await?;
    grpc.unary(tonic::Request::new(request), path, ProstCodec::<M, ()>::default()).await?;
    Ok(())
}

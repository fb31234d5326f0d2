use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use rpcplugin::{
    Client, Tls,
    client::{Builder, ClientAuthentication, ServingStatus, ShutdownOutcome},
};
use rpcplugin_core::Address;
use tokio::process::Command;

use crate::{
    arguments::{Arguments, Kind},
    report::Report,
};

/// One plugin, from its start to its end.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    kind: Kind,
    tls: Tls,
}

impl Session {
    pub(crate) async fn start(arguments: &Arguments, report: &mut Report<'_>) -> Option<Self> {
        let start = async {
            let client = builder(arguments).spawn(command(arguments)?).await?;
            let detail = format!("{}, {:?}", client.address(), client.timings());
            Ok((client, detail))
        };
        let client = report.check("start", start).await?;
        Some(Self { client, kind: arguments.kind, tls: arguments.tls.clone() })
    }

    /// What holds whatever the plugin serves.
    pub(crate) async fn check(&self, report: &mut Report<'_>) {
        report.that("version", async { self.version() }).await;
        report.that("tls", async { self.tls() }).await;
        if self.tls == Tls::Auto {
            report.that("mutual", async { self.mutual() }).await;
        }
        report.that("health", self.health()).await;
    }

    fn version(&self) -> Result<String> {
        let (got, wanted) = (self.client.version(), self.kind.version());
        ensure!(got == wanted, "settled on {got}, not {wanted}");
        Ok(format!("{got} of {:?}", self.kind.versions()))
    }

    fn tls(&self) -> Result<String> {
        let info = self.client.tls_info();
        ensure!(
            info.is_some() == (self.tls == Tls::Auto)
                && info.is_some() == self.client.peer_certificate().is_some(),
            "{info:?}, although the host chose {:?}",
            self.tls
        );
        let detail =
            |certificate: &rpcplugin::tls::Certificate| certificate.fingerprint().to_string();
        let pin = self.client.peer_certificate().map(detail).unwrap_or_default();
        Ok(info.map_or("plaintext".into(), |info| {
            format!("{}, {}, {pin}", info.version, info.cipher_suite)
        }))
    }

    fn mutual(&self) -> Result<String> {
        let info = self.client.tls_info().context("no TLS")?;
        ensure!(
            info.client_certificate_requested,
            "the plugin never asked for the host's certificate"
        );
        Ok("the plugin asked for the host's certificate".into())
    }

    async fn health(&self) -> Result<String> {
        let took = self.client.ping().await?;
        let status = self.client.health("plugin").await?;
        ensure!(status == ServingStatus::Serving, "{status:?}");
        Ok(format!("SERVING, answered in {took:?}"))
    }

    /// Shuts the plugin down, and checks that it went by itself and left nothing.
    pub(crate) async fn end(self, report: &mut Report<'_>) {
        let address = self.client.address().clone();
        let pid = self.client.pid();
        let stopped = match self.client.shutdown().await {
            Ok(stopped) => stopped,
            Err(error) => {
                report.that("shutdown", async { Err(error.into()) }).await;
                return;
            }
        };
        report
            .that("shutdown", async {
                ensure!(stopped.outcome == ShutdownOutcome::Graceful, "{stopped}");
                Ok(stopped.to_string())
            })
            .await;
        report
            .that("exit", async {
                let code = stopped.status.and_then(rpcplugin_core::ExitStatus::code);
                ensure!(code == Some(0), "the plugin ended with {:?}", stopped.status);
                Ok("exit status 0".into())
            })
            .await;
        report
            .that("process", async {
                // It was the child of this process, so a zombie of it would be here too.
                ensure!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid} is still there");
                Ok("gone".into())
            })
            .await;
        if let Address::Unix(path) = address {
            report
                .that("socket", async {
                    ensure!(!path.exists(), "{} is still there", path.display());
                    Ok("gone".into())
                })
                .await;
        }
    }
}

/// A plugin that does not prove who its host is must be refused by a host that insists on it.
pub(crate) async fn check_strict(arguments: &Arguments, report: &mut Report<'_>) {
    report
        .that("strict", async {
            let strict = builder(arguments).client_authentication(ClientAuthentication::Required);
            let Err(error) = strict.spawn(command(arguments)?).await else {
                bail!("a host that requires its certificate to be asked for was content");
            };
            ensure!(error.code() == "SECURITY_TLS_HANDSHAKE", "{}: {error}", error.code());
            Ok(format!("refused: {error}"))
        })
        .await;
}

/// Version 2 of the example is served over net/rpc alone, which the line says.
pub(crate) async fn check_netrpc(arguments: &Arguments, report: &mut Report<'_>) {
    report
        .that("netrpc", async {
            let Err(error) = builder(arguments).versions([2]).spawn(command(arguments)?).await
            else {
                bail!("a plugin without gRPC was accepted");
            };
            ensure!(error.code() == "HANDSHAKE_PROTOCOL_UNSUPPORTED", "{}: {error}", error.code());
            Ok(format!("refused: {error}"))
        })
        .await;
}

fn builder(arguments: &Arguments) -> Builder {
    Client::builder(arguments.kind.cookie())
        .versions(arguments.kind.versions().iter().copied())
        .tls(arguments.tls.clone())
        .transports([arguments.network])
        .start_timeout(Duration::from_secs(20))
}

fn command(arguments: &Arguments) -> Result<Command> {
    let (program, rest) = arguments.command.split_first().context("no plugin given")?;
    let mut command = Command::new(program);
    command.args(rest);
    Ok(command)
}

//! Our host with plugins of other libraries, each side with a certificate of one authority.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use rpcplugin::{
    Tls,
    client::ShutdownOutcome,
    tls::{Certificate, CustomTls, Identity, Roots, Usage, Verification},
};
use rpcplugin_core::Network;
use rpcplugin_tests::certificates;

use crate::{
    Arguments,
    plugin::{call, command, host},
    report::Report,
};

pub(crate) async fn check(arguments: &Arguments, dir: &Path, report: &mut Report<'_>) {
    let (ours, theirs) = (dir.join("ours"), dir.join("theirs"));
    if let Err(error) = certificates::issue(&ours) {
        report.that("issue", async { Err(error) }).await;
        return;
    }
    report.that("ours", all(arguments, &ours, |kind| ["p256", "p384"].contains(&kind))).await;
    report.that("ed25519", all(arguments, &ours, |kind| kind == "ed25519")).await;
    report.that("intermediate", all(arguments, &ours, |kind| kind.ends_with("-between"))).await;
    report
        .that("theirs", async {
            let issued = command(arguments).arg(format!("issue={}", theirs.display())).status();
            let issued = issued.await.context("cannot start the plugin")?;
            ensure!(issued.success(), "the plugin issues nothing: {issued}");
            for dir in certificates::issued(&theirs)? {
                verify(&dir)?;
            }
            all(arguments, &theirs, |_| true).await
        })
        .await;
    report.that("untrusted", untrusted(arguments, &ours)).await;
    if let Some(code) = report.check("strangers", strangers(arguments, &ours)).await {
        report
            .that("told", async {
                // Under TLS 1.3 the plugin refuses after the host has begun to speak, and then hangs
                // up: a write that fails can be noticed before the alert is read.
                let known = code == "SECURITY_CLIENT_REFUSED" || code == "TRANSPORT_DISCONNECTED";
                ensure!(known, "{code}");
                Ok(code.into())
            })
            .await;
    }
}

/// Starts a plugin with each of these certificates, and calls it.
async fn all(arguments: &Arguments, dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<String> {
    let mut kinds = Vec::new();
    for dir in certificates::issued(dir)? {
        let kind = certificates::kind(&dir);
        if wanted(&kind) {
            launched(arguments, &dir).await.with_context(|| kind.clone())?;
            kinds.push(kind);
        }
    }
    ensure!(!kinds.is_empty(), "there are none");
    Ok(kinds.join(", "))
}

async fn launched(arguments: &Arguments, dir: &Path) -> Result<()> {
    let tls = Tls::Custom(certificates::side(dir, "host")?);
    let client = start(arguments, dir, tls).await?;
    call(&client).await?;
    let info = client.tls_info();
    ensure!(info.as_ref().is_some_and(|info| info.client_certificate_requested), "{info:?}");
    let stopped = client.shutdown().await?;
    ensure!(stopped.outcome == ShutdownOutcome::Graceful, "{stopped}");
    Ok(())
}

async fn start(arguments: &Arguments, dir: &Path, tls: Tls) -> Result<rpcplugin::Client> {
    let mut command = command(arguments);
    command.arg(format!("certificates={}", dir.display()));
    let network = if arguments.is_tcp { Network::Tcp } else { Network::Unix };
    Ok(host(tls).transports([network]).spawn(command).await?)
}

/// A plugin of another authority must be refused by our host.
async fn untrusted(arguments: &Arguments, ours: &Path) -> Result<String> {
    let own = certificates::side(&ours.join("p256"), "host")?.identity();
    let code = mixed(arguments, ours, own, "p384").await?;
    ensure!(code == "SECURITY_CERT_UNTRUSTED", "{code}");
    Ok(code.into())
}

/// A host of another authority must be refused by the plugin, and learns it by this code.
async fn strangers(arguments: &Arguments, ours: &Path) -> Result<(&'static str, String)> {
    let stranger = certificates::side(&ours.join("p384"), "host")?.identity();
    let code = mixed(arguments, ours, stranger, "p256").await?;
    Ok((code, code.into()))
}

/// The code of the refusal between a plugin with P-256 and a host with this.
async fn mixed(
    arguments: &Arguments,
    ours: &Path,
    identity: Identity,
    root: &str,
) -> Result<&'static str> {
    let roots = Roots::load(&*ours.join(root).join("root.crt"))?;
    let tls = Tls::Custom(CustomTls::new(identity, roots));
    let Err(error) = start(arguments, &ours.join("p256"), tls).await else { bail!("started") };
    Ok(error.downcast::<rpcplugin::core::Error>()?.code())
}

/// What the other library has issued is good in both roles, and in no other.
fn verify(dir: &Path) -> Result<()> {
    let roots = Roots::load(&*dir.join("root.crt"))?;
    for (role, usage, other) in
        [("plugin", Usage::Server, Usage::Client), ("host", Usage::Client, Usage::Server)]
    {
        let pem = std::fs::read(dir.join(role).with_extension("crt"))?;
        let chain = Certificate::chain_from_pem(&pem)?;
        Verification::new(&roots).usage(usage).check(&chain)?;
        let wrong = Verification::new(&roots).usage(other).check(&chain);
        ensure!(wrong.is_err(), "the {role}'s certificate is for {other:?} too");
    }
    Ok(())
}

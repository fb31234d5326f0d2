//! OpenSSL as the host of our plugin: `openssl verify`, and calls through `openssl s_client`.

use std::path::Path;

use anyhow::{Result, ensure};
use rpcplugin::Tls;
use rpcplugin_tests::certificates;

use crate::{
    Arguments,
    bridge::{Bridge, presented},
    openssl::{Fault, KINDS, Openssl},
    plugin::{Plugin, call, host},
    report::Report,
};

const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];

pub(crate) async fn check(openssl: &Openssl, arguments: &Arguments, report: &mut Report<'_>) {
    let ours = openssl.dir.join("ours");
    report.that("verify", verify(openssl, &ours)).await;
    report
        .that("ours", async {
            let mut kinds = Vec::new();
            for dir in certificates::issued(&ours)? {
                kinds.push(certificates::kind(&dir));
                served(openssl, arguments, &dir).await?;
            }
            Ok(format!("TLS 1.2 and 1.3 with {}", kinds.join(", ")))
        })
        .await;
    report
        .that("theirs", async {
            let mut kinds = Vec::new();
            for kind in &KINDS {
                let dir = openssl.issue(kind, ("host", "plugin"), None).await?;
                served(openssl, arguments, &dir).await?;
                kinds.push(kind.name);
            }
            Ok(format!("TLS 1.2 and 1.3 with {}", kinds.join(", ")))
        })
        .await;
    for fault in Fault::ALL {
        let why = match fault {
            Fault::Expired => "expired",
            Fault::Usage => "extended key usage",
            Fault::Name => "elsewhere.internal",
            Fault::Revoked => "Revoked",
        };
        report
            .that(fault.check(), async {
                let dir = openssl.issue(&KINDS[0], ("host", "plugin"), Some(fault)).await?;
                refused(openssl, arguments, &dir, &presented(&dir, "host"), why).await
            })
            .await;
    }
    report
        .that("no_certificate", async {
            let dir = ours.join("p256");
            refused(openssl, arguments, &dir, &[], "presents no certificate").await
        })
        .await;
    report
        .that("stranger", async {
            let stranger = presented(&ours.join("p384"), "../p384/host");
            refused(openssl, arguments, &ours.join("p256"), &stranger, "UnknownIssuer").await
        })
        .await;
    report.that("distrust", distrust(openssl, arguments, &ours)).await;
}

/// Issues our certificates, and lets OpenSSL judge them.
async fn verify(openssl: &Openssl, ours: &Path) -> Result<String> {
    certificates::issue(ours)?;
    let dirs = certificates::issued(ours)?;
    for dir in &dirs {
        for (role, purpose, other) in
            [("plugin.crt", "sslserver", "sslclient"), ("host.crt", "sslclient", "sslserver")]
        {
            let verified = async |purpose| {
                // Of the file that it verifies it reads the first certificate alone.
                let chain = ["-CAfile", "root.crt", "-untrusted", role, role];
                let strict = ["verify", "-x509_strict", "-verify_hostname", "localhost"];
                let words = [&strict[..], &["-purpose", purpose], &chain].concat();
                openssl.run(dir, &words).await
            };
            verified(purpose).await?;
            ensure!(verified(other).await.is_err(), "{role} is good for {other} too");
        }
    }
    Ok(format!("{} chains, each for a plugin and a host, and for that alone", dirs.len()))
}

/// Calls our plugin through OpenSSL, in each version of TLS.
async fn served(openssl: &Openssl, arguments: &Arguments, dir: &Path) -> Result<()> {
    let plugin = Plugin::start(arguments, dir).await?;
    for version in VERSIONS {
        let presented = presented(dir, "host");
        let options = presented.iter().map(String::as_str);
        let options: Vec<_> = options.chain(["-CAfile", "root.crt", version]).collect();
        let (bridge, address) = Bridge::to_plugin(openssl, dir, &plugin.address, &options)?;
        let called = async {
            let client = host(Tls::Plaintext).connect(address).await?;
            call(&client).await?;
            client.shutdown().await?;
            anyhow::Ok(())
        };
        if let Err(error) = called.await {
            return Err(error.context(format!(
                "{} {version}: {}",
                dir.display(),
                bridge.end().await?
            )));
        }
        bridge.kill().await?;
    }
    plugin.stop().await.map(drop)
}

/// Our plugin must not serve this, and say why.
async fn refused(
    openssl: &Openssl,
    arguments: &Arguments,
    dir: &Path,
    presented: &[String],
    why: &str,
) -> Result<String> {
    let plugin = Plugin::start(arguments, dir).await?;
    for version in VERSIONS {
        let options = presented.iter().map(String::as_str);
        let options: Vec<_> = options.chain(["-CAfile", "root.crt", version]).collect();
        let (bridge, address) = Bridge::to_plugin(openssl, dir, &plugin.address, &options)?;
        let connected = host(Tls::Plaintext).connect(address).await;
        let said = bridge.end().await?;
        ensure!(connected.is_err(), "served, {version}");
        ensure!(said.contains("alert"), "OpenSSL heard of no refusal, {version}: {said}");
    }
    let log = plugin.stop().await?;
    let refusals = log.matches("SECURITY_CLIENT_REFUSED").count();
    ensure!(refusals == VERSIONS.len() && log.contains(why), "our plugin says {log}");
    Ok(format!("SECURITY_CLIENT_REFUSED, {why}"))
}

/// OpenSSL must not take our plugin for one of another authority, and ours notices.
async fn distrust(openssl: &Openssl, arguments: &Arguments, ours: &Path) -> Result<String> {
    let dir = ours.join("p256");
    let plugin = Plugin::start(arguments, &dir).await?;
    let mut options = presented(&dir, "host");
    options.extend(["-CAfile".to_owned(), "../p384/root.crt".to_owned()]);
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let (bridge, address) = Bridge::to_plugin(openssl, &dir, &plugin.address, &options)?;
    let connected = host(Tls::Plaintext).connect(address).await;
    let said = bridge.end().await?;
    ensure!(connected.is_err() && said.contains("verify error"), "OpenSSL says {said}");
    plugin.stop().await?;
    Ok("OpenSSL refuses our plugin under another root".into())
}

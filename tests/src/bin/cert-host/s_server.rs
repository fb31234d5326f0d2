//! OpenSSL as a server that our host connects to: `openssl s_server`.

use std::{path::Path, time::Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rpcplugin::{Client, Tls, core::Error};
use rpcplugin_core::Address;
use rpcplugin_tests::certificates;

use crate::{
    bridge::{Bridge, presented},
    openssl::{Fault, KINDS, Openssl},
    plugin::{LIMIT, host},
    report::Report,
};

const VERSIONS: [(&str, &str); 2] = [("-tls1_2", "TLS 1.2"), ("-tls1_3", "TLS 1.3")];

/// In TLS 1.2 OpenSSL shows a certificate to those alone who could exchange keys on its curve, and
/// we verify P-521 without that. go-plugin's peers do not ask.
fn versions(kind: &str) -> &'static [(&'static str, &'static str)] {
    if kind == "P-521" { &VERSIONS[1..] } else { &VERSIONS }
}

pub(crate) async fn check(openssl: &Openssl, report: &mut Report<'_>) {
    let ours = openssl.dir.join("ours");
    report
        .that("ours", async {
            certificates::issue(&ours)?;
            let mut kinds = Vec::new();
            for dir in certificates::issued(&ours)? {
                accepted(openssl, &dir, &VERSIONS).await?;
                kinds.push(certificates::kind(&dir));
            }
            Ok(format!("TLS 1.2 and 1.3 with {}", kinds.join(", ")))
        })
        .await;
    report
        .that("theirs", async {
            let mut kinds = Vec::new();
            for kind in &KINDS {
                let dir = openssl.issue(kind, ("plugin", "host"), None).await?;
                accepted(openssl, &dir, versions(kind.name)).await?;
                kinds.push(kind.name);
            }
            Ok(format!("TLS 1.2 and 1.3 with {}; P-521 in 1.3 alone", kinds.join(", ")))
        })
        .await;
    for fault in Fault::ALL {
        let (code, why) = match fault {
            Fault::Expired => ("SECURITY_CERT_EXPIRED", "expired"),
            Fault::Usage => ("SECURITY_CERT_UNTRUSTED", "extended key usage"),
            Fault::Name => ("SECURITY_CERT_UNTRUSTED", "elsewhere.internal"),
            Fault::Revoked => ("SECURITY_CERT_UNTRUSTED", "Revoked"),
        };
        report
            .that(fault.check(), async {
                let dir = openssl.issue(&KINDS[0], ("plugin", "host"), Some(fault)).await?;
                refused(openssl, &dir, &dir, "root.crt", code, why).await
            })
            .await;
    }
    report
        .that("stranger", async {
            let (dir, other) = (ours.join("p256"), ours.join("p384"));
            refused(openssl, &dir, &other, "root.crt", "SECURITY_CERT_UNTRUSTED", "UnknownIssuer")
                .await
        })
        .await;
    report
        .that("distrust", async {
            // The server asks for a certificate under another root.
            let dir = ours.join("p256");
            let code = "SECURITY_CLIENT_REFUSED";
            refused(openssl, &dir, &dir, "../p384/root.crt", code, "issuer").await
        })
        .await;
}

/// Connects to OpenSSL, in these versions of TLS, and gets an answer over HTTP/2.
async fn accepted(openssl: &Openssl, dir: &Path, versions: &[(&str, &str)]) -> Result<()> {
    for (option, version) in versions {
        let (connected, bridge) = connect(openssl, dir, dir, "root.crt", option).await?;
        let answered = async {
            let client = connected?;
            client.ping().await?;
            let info = client.tls_info().context("no TLS")?;
            ensure!(info.client_certificate_requested && info.version == *version, "{info:?}");
            client.shutdown().await?;
            anyhow::Ok(())
        };
        let answered = answered.await;
        bridge.kill().await?;
        answered.with_context(|| format!("{} {version}", dir.display()))?;
    }
    Ok(())
}

/// Our host must go no further, and say why.
async fn refused(
    openssl: &Openssl,
    dir: &Path,
    host: &Path,
    root: &str,
    code: &str,
    why: &str,
) -> Result<String> {
    for (option, version) in VERSIONS {
        let (connected, bridge) = connect(openssl, dir, host, root, option).await?;
        bridge.kill().await?;
        let Err(error) = connected else { bail!("connected, {version}") };
        let text = error.to_string();
        ensure!(error.code() == code && text.contains(why), "{version}: {}: {text}", error.code());
    }
    Ok(format!("{code}, {why}"))
}

/// A server with the certificates of one directory, which trusts `root`, and our host with those
/// of another.
async fn connect(
    openssl: &Openssl,
    server: &Path,
    own: &Path,
    root: &str,
    version: &str,
) -> Result<(Result<Client, Error>, Bridge)> {
    let mut options = presented(server, "plugin");
    options.extend(["-CAfile".into(), root.into(), version.into()]);
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let (bridge, path) = Bridge::from_host(openssl, server, &options)?;
    let tls = Tls::Custom(certificates::side(own, "host")?);
    let began = Instant::now();
    let connected = loop {
        let connected = host(tls.clone()).connect(Address::Unix(path.clone())).await;
        // It tells nobody when it listens: with `-quiet` it is quiet.
        let early = matches!(&connected, Err(error)
            if ["TRANSPORT_NOT_FOUND", "TRANSPORT_REFUSED"].contains(&error.code()));
        if !early || began.elapsed() > LIMIT {
            break connected;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    Ok((connected, bridge))
}

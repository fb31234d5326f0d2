use anyhow::{bail, ensure};
use rpcplugin_proto::kv::{GetRequest, PutRequest, kv_client::KvClient};

use crate::{report::Report, session::Session};

/// The calls of go-plugin's key-value example.
pub(crate) async fn check(session: &Session, report: &mut Report<'_>) {
    let mut kv = session.client.dispense(KvClient::new);
    report
        .that("put", async {
            kv.put(PutRequest { key: "colour".into(), value: "blue".into() }).await?;
            Ok("stored".into())
        })
        .await;
    report
        .that("get", async {
            let value = kv.get(GetRequest { key: "colour".into() }).await?.into_inner().value;
            // The example adds a remark of its own to what it stores.
            ensure!(value.starts_with(b"blue"), "got {value:?}");
            Ok(String::from_utf8_lossy(&value).into_owned())
        })
        .await;
    report
        .that("status", async {
            let Err(status) = kv.get(GetRequest { key: "absent".into() }).await else {
                bail!("an absent key has a value");
            };
            ensure!(status.message().contains("no such file"), "{status}");
            Ok(format!("{:?}: {}", status.code(), status.message()))
        })
        .await;
}

/// What the example of several versions adds to a value: the version that stored and read it.
pub(crate) async fn check_version(session: &Session, report: &mut Report<'_>) {
    let mut kv = session.client.dispense(KvClient::new);
    report
        .that("implementation", async {
            let value = kv.get(GetRequest { key: "colour".into() }).await?.into_inner().value;
            let text = String::from_utf8_lossy(&value);
            ensure!(text.contains("Read by plugin version 3"), "got {text:?}");
            Ok("that of version 3".into())
        })
        .await;
}

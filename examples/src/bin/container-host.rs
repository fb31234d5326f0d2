//! Runs the key-value plugin in a container: `container-host RUNTIME ROOTFS /kv-plugin`, with a
//! runtime such as `runc`. `src/oci.rs` is the runner; `docs/guide/runners.md` has the commands, also
//! those that make a root.

use miette::{IntoDiagnostic as _, miette};
use rpcplugin::Client;
use rpcplugin_examples::{COOKIE, OciRunner};
use rpcplugin_proto::kv::{GetRequest, PutRequest, kv_client::KvClient};
use tokio::process::Command;

#[tokio::main]
async fn main() -> miette::Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [runtime, rootfs, plugin] = arguments.as_slice() else {
        return Err(miette!("usage: container-host RUNTIME ROOTFS PLUGIN"));
    };
    let environment =
        std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "LD_LIBRARY_PATH");
    let runner = OciRunner::new(runtime, environment, rootfs);

    let plugin = Client::builder(COOKIE).runner(runner).spawn(Command::new(plugin)).await?;
    let mut kv = plugin.dispense(KvClient::new);
    kv.put(PutRequest { key: "where".into(), value: b"in a container".to_vec() })
        .await
        .into_diagnostic()?;
    let reply = kv.get(GetRequest { key: "where".into() }).await.into_diagnostic()?;
    show(&format!("{} at {}", String::from_utf8_lossy(&reply.get_ref().value), plugin.address()));
    show(&plugin.shutdown().await?.to_string());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a host: its stdout is its own")]
fn show(line: &str) {
    println!("{line}");
}

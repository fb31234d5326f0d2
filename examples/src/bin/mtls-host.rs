//! An authority of its own, and certificates that change while calls go on.

use miette::{IntoDiagnostic as _, miette};
use rpcplugin::{
    Client, Error, Tls,
    client::PluginChannel,
    tls::{AuthorityParams, CertAuthority, CertDirectory, CustomTls, IdentityParams},
};
use rpcplugin_examples::COOKIE;
use rpcplugin_proto::kv::{PutRequest, kv_client::KvClient};
use tokio::process::Command;

#[tokio::main]
async fn main() -> miette::Result<()> {
    let usage = || miette!("usage: mtls-host PLUGIN DIRECTORY");
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().ok_or_else(usage)?;
    let directory = CertDirectory::new(arguments.next().ok_or_else(usage)?)?;

    let authority = CertAuthority::create(&AuthorityParams::new("example root"))?;
    directory.save_authority(&authority)?;
    issue(&authority, &directory)?;
    let manager = directory.manage_host().start().await?;
    let builder = Client::builder(COOKIE).tls(Tls::Custom(CustomTls::managed(&manager)));
    let start = || {
        let mut command = Command::new(&program);
        command.arg(directory.path());
        builder.clone().spawn(command)
    };

    let old = start().await?;
    put(old.dispense(KvClient::new)).await?;
    // An operator, or `cron`, would do this; the manager would see it within two seconds.
    issue(&authority, &directory)?;
    manager.renew().await?;
    let new = start().await?;
    for plugin in [&old, &new] {
        put(plugin.dispense(KvClient::new)).await?;
    }
    let [before, after] = [&old, &new].map(|plugin| plugin.tls_info().and_then(|info| info.peer));
    show(&format!("rotated: {}, both connections answer", before != after));
    old.shutdown().await?;
    new.shutdown().await?;
    Ok(())
}

fn issue(authority: &CertAuthority, directory: &CertDirectory) -> Result<(), Error> {
    directory.save_host(&authority.issue(&IdentityParams::issued("host"))?)?;
    Ok(directory.save_server(&authority.issue(&IdentityParams::issued("plugin"))?)?)
}

async fn put(mut kv: KvClient<PluginChannel>) -> miette::Result<()> {
    kv.put(PutRequest { key: "k".into(), value: b"v".to_vec() }).await.map(drop).into_diagnostic()
}

#[expect(clippy::print_stdout, reason = "this is a host: its stdout is its own")]
fn show(line: &str) {
    println!("{line}");
}

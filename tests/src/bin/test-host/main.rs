//! A host that a test can kill: starts one plugin, tells what it has, and waits.
//!
//! Usage: `test-host [OPTION]… -- PROGRAM [ARGUMENTS]`, with the options `plaintext`, `detach`,
//! `user=NUMBER`, `cookie=KEY=VALUE`, `drop`, `exit`, `sleep` (makes a call that does not end),
//! `offer` (each side offers a side channel that nobody dials) and `handover=DIR` (writes there
//! what the next host needs: `record` and, with TLS, `identity`).
//!
//! One line goes to stdout when the plugin answers: `ready PID ADDRESS`. A byte on stdin, or its
//! end, asks for the shutdown; or it drops its client as its last deed, or just exits.

use std::{fs::OpenOptions, io::Write as _, path::Path};

use anyhow::Context as _;
use rpcplugin::{Client, MagicCookie, Tls};
use rpcplugin_proto::probe::probe_client::ProbeClient;
use rpcplugin_tests::Mirror;
use tokio::{io::AsyncReadExt as _, process::Command};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let options: Vec<String> = arguments.by_ref().take_while(|argument| argument != "--").collect();
    let mut builder = Client::builder(cookie(&options));
    for option in &options {
        builder = match option.as_str() {
            "plaintext" => builder.tls(Tls::Plaintext),
            "detach" => builder.detach(),
            "drop" | "exit" | "sleep" | "offer" => builder,
            other if other.starts_with(COOKIE) || other.starts_with(HANDOVER) => builder,
            user if user.starts_with("user=") => {
                let number = &user["user=".len()..];
                builder.user(number).group(number)
            }
            other => anyhow::bail!("unknown option {other:?}"),
        };
    }
    let mut command = Command::new(arguments.next().context("-- PROGRAM")?);
    command.args(arguments);
    // What the test that runs this host wants its plugin to know.
    for name in ["LEAK_GUARD_CASE", "TEST_PLUGIN_REPORT"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    let client = builder.spawn(command).await?;
    if let Some(directory) = options.iter().find_map(|option| option.strip_prefix(HANDOVER)) {
        hand_over(&client, Path::new(directory))?;
    }
    if options.iter().any(|option| option == "sleep") {
        let mut probe = client.dispense(ProbeClient::new);
        tokio::spawn(async move { probe.sleep(600_000).await });
    }
    if options.iter().any(|option| option == "offer") {
        client.broker().serve(Mirror::new()).await?.keep();
        client.dispense(ProbeClient::new).serve(()).await?;
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "ready {} {}", client.pid(), client.address())?;
    stdout.flush()?;
    // However it ends.
    let _ = tokio::io::stdin().read_u8().await;
    if options.iter().any(|option| option == "drop") {
        drop(client);
    } else if options.iter().any(|option| option == "exit") {
        leave();
    } else {
        client.shutdown().await?;
    }
    Ok(())
}

#[expect(clippy::exit, reason = "a host may do so, and no destructor runs then")]
fn leave() -> ! {
    std::process::exit(0)
}

fn cookie(options: &[String]) -> MagicCookie {
    let given = options.iter().find_map(|option| option.strip_prefix(COOKIE)?.split_once('='));
    given.map_or(rpcplugin_tests::COOKIE, |(key, value)| {
        MagicCookie::from_parts(key.to_owned(), value.to_owned())
    })
}

fn hand_over(client: &Client, directory: &Path) -> anyhow::Result<()> {
    let record = client.reattach().context("the plugin runs")?;
    std::fs::write(directory.join("record"), record.to_json("kv")?)?;
    if let Some(identity) = client.host_identity() {
        let secret = identity.to_secret_pem();
        let mut file = OpenOptions::new();
        file.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        file.open(directory.join("identity"))?.write_all(secret.expose().as_bytes())?;
    }
    Ok(())
}

const COOKIE: &str = "cookie=";
const HANDOVER: &str = "handover=";

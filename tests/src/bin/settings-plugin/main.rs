//! A plugin whose settings come from wherever its arguments say, beside its environment.
//!
//! | Argument | Effect |
//! | --- | --- |
//! | `set KEY VALUE` | a value of the program |
//! | `file PATH` | a configuration file that the program names |
//! | `cookie` | takes its cookie from the settings |
//! | `slow` | begins to listen when somebody was tired of waiting for it, and tells of that |

use std::{process::ExitCode, sync::mpsc};

use rpcplugin::{
    Config, MagicCookie, PluginSet, Server,
    core::Error,
    server::{Context, ServerHandle},
};
use rpcplugin_proto::probe::probe_server::ProbeServer;

#[path = "../test-plugin/report.rs"]
mod report;
#[path = "../test-plugin/test_probe.rs"]
mod test_probe;

#[tokio::main]
async fn main() -> ExitCode {
    match server() {
        Ok(server) => server.run().await,
        Err(error) => {
            eprintln!("error[{}]: {error}", error.code());
            ExitCode::FAILURE
        }
    }
}

fn server() -> Result<Server, Error> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next();
    let mut builder = Config::builder().environment(std::env::vars_os());
    let (mut given, mut cookie, mut slow) = (false, false, false);
    while let Some(argument) = next() {
        match argument.as_str() {
            "set" => {
                builder = builder.set(next().unwrap_or_default(), next().unwrap_or_default());
                given = true;
            }
            "file" => {
                builder = builder.file(next().unwrap_or_default());
                given = true;
            }
            "cookie" => cookie = true,
            "slow" => slow = true,
            other => eprintln!("no such argument: {other}"),
        }
    }
    let cookie = if cookie {
        MagicCookie::from_config(&builder.clone().build()?)?
    } else {
        rpcplugin_tests::COOKIE
    };
    let mut server = Server::new(cookie);
    // Otherwise the server looks at the environment by itself.
    if given {
        server = server.config(builder.build()?);
    }
    let handle = server.handle();
    for version in [1, 2, 3] {
        let handle = handle.clone();
        let probe = move |context: &Context| {
            if slow {
                wait_in_vain(handle);
            }
            ProbeServer::new(test_probe::TestProbe::new(context))
        };
        server = server.plugins(version, PluginSet::new().service_with(probe));
    }
    Ok(server)
}

/// The server does not listen before this returns.
fn wait_in_vain(handle: ServerHandle) {
    let (tell, told) = mpsc::channel();
    tokio::spawn(async move { tell.send(handle.ready().await) });
    if let Ok(Err(error)) = told.recv() {
        eprintln!("not ready: {error}");
    }
}

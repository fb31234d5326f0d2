//! The plugin of the process tests. Its arguments choose what it is.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "it misbehaves on purpose")]

mod probe;

use std::{
    io::{Read as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use rpcplugin_core::{Address, MagicCookie, Network};
use rpcplugin_server::{ListenOn, PluginSet, Server, stdio};

const COOKIE: MagicCookie = MagicCookie::new("SERVER_TEST_COOKIE", "right");

fn main() -> ExitCode {
    let set = || PluginSet::new().service(probe::service());
    let mut server = Server::new(COOKIE).plugins(3, set()).plugins(4, set());
    let mut embedded = false;
    for argument in std::env::args().skip(1) {
        server = match argument.as_str() {
            "tcp" => server.transports([Network::Tcp]),
            "everywhere" => server.listen(ListenOn::Tcp(([0, 0, 0, 0], 0).into())),
            "announced" => server.announce(Address::Tcp(([127, 0, 0, 1], 0).into())),
            "unprintable" => {
                let path = std::env::temp_dir().join("a\nb");
                server.listen(ListenOn::Unix(path))
            }
            "require-tls" => server.require_tls(),
            "detach" => server.detach(),
            "twice" => server.plugins(3, set()),
            "embedded" => {
                embedded = true;
                server
            }
            "stuck" => server.plugins(
                5,
                PluginSet::new().service_with(|_| {
                    // The runtime waits for this thread when `main` ends.
                    tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_secs(3600)));
                    probe::service()
                }),
            ),
            "chatty" => server.plugins(
                5,
                PluginSet::new().service_with(|_| {
                    // Begins before the line is printed.
                    std::thread::spawn(chatter);
                    probe::service()
                }),
            ),
            "child" => {
                // In our group, and deaf to SIGTERM.
                let script = "trap '' TERM; while :; do sleep 1; done";
                let child = std::process::Command::new("sh").args(["-c", script]).spawn();
                let _ = writeln!(std::io::stderr(), "child {}", child.unwrap().id());
                server
            }
            "stdin" => server.plugins(
                5,
                PluginSet::new().service_with(|_| {
                    read_and_replace_stdin();
                    probe::service()
                }),
            ),
            "hook" => {
                std::panic::set_hook(Box::new(|_| eprintln!("the program's own hook")));
                server
            }
            "panic" => server.plugins(
                5,
                PluginSet::new().service_with(|_| -> probe::Service { panic!("left main") }),
            ),
            other => panic!("no such argument: {other}"),
        };
    }
    if embedded { embed(server) } else { server.run_blocking() }
}

/// Prints by every means, before and after the line.
fn chatter() {
    for number in 0_u64.. {
        println!("line {number}");
        let _ = rustix::io::write(rustix::stdio::stdout(), b"raw\n");
        let _ = writeln!(stdio::stderr(), "second channel {number}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// What code that knows nothing of hosts may do to descriptor 0.
fn read_and_replace_stdin() {
    let read = std::io::stdin().read_to_end(&mut Vec::new());
    let (end, _) = std::io::pipe().unwrap();
    rustix::stdio::dup2_stdin(&end).unwrap();
    let _ = writeln!(std::io::stderr(), "read {read:?}");
}

/// A program that goes on when it turns out to be no plugin.
fn embed(server: Server) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match runtime.block_on(server.serve()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("not a plugin: {}", error.code());
            ExitCode::from(7)
        }
    }
}

//! The fakes that serve, in the process that was started for them.

use std::{
    env,
    fs::OpenOptions,
    future::pending,
    io::{Read as _, Write as _},
    process::exit,
    thread,
};

use rpcplugin_core::{Error, Handshake, LaunchEnv, MagicCookie, TransportError};
use rpcplugin_server::{PluginSet, Server};
use rpcplugin_transport::{UnixBind, UnixListener};
use tonic::{Request, Status, service::InterceptorLayer};

use super::{CRASHED, FakePlugin, LAST_WORDS, Step};
use crate::testing::ready::ready;

/// The host's stdout, where the shell put it.
const LINE: &str = "/dev/fd/3";

/// Is the plugin until the end of the process.
#[expect(clippy::exit, reason = "the process was started to be this plugin")]
pub(super) fn run(fake: FakePlugin, plugins: PluginSet) -> ! {
    // The caller may be in a runtime, where no other can run.
    let served = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|source| TransportError::Resources { source: source.into() })?;
        runtime.block_on(serve(fake, plugins))
    });
    match served.join() {
        Ok(Ok(())) => exit(0),
        Ok(Err(error)) => complain(&format!("fake plugin: {error}")),
        Err(_) => complain("fake plugin: panicked"),
    }
    exit(1)
}

async fn serve(fake: FakePlugin, plugins: PluginSet) -> Result<(), Error> {
    let launch = LaunchEnv::read(|name| env::var_os(name));
    if launch.lifeline {
        thread::spawn(end_with_host);
    }
    let version = launch.versions.as_ref().and_then(|all| all.iter().max()).unwrap_or(1);
    let bind = match &launch.socket_dir {
        Some(directory) => UnixBind::new().dir(directory),
        None => UnixBind::new().base(env::temp_dir()),
    };
    let listener = UnixListener::bind(&bind)?;
    let cookie = MagicCookie::new("RPCPLUGIN_FAKE", "never checked");
    let mut server =
        Server::new(cookie).plugins(version, plugins).environment(|name| env::var_os(name));
    if fake == FakePlugin::CrashAt(Step::Call) {
        server = server.layer(InterceptorLayer::new(crash_in_call));
    }
    let (handshake, serving) = ready(server, listener, version).await?;
    #[cfg(feature = "tls")]
    let handshake = announced(fake, handshake)?;
    print(&handshake).map_err(|source| TransportError::Resources { source: source.into() })?;
    if fake == FakePlugin::CrashAt(Step::Line) {
        crash();
    }
    serving.await?;
    if fake == FakePlugin::DeafToShutdown {
        pending::<()>().await;
    }
    Ok(())
}

/// What stands on the line.
#[cfg(feature = "tls")]
fn announced(fake: FakePlugin, mut honest: Handshake) -> Result<Handshake, Error> {
    use rpcplugin_core::CertificateField;
    use rpcplugin_tls::{Identity, IdentityParams};

    if fake == FakePlugin::WrongCertificate {
        let another = Identity::generate(&IdentityParams::new())?;
        honest.certificate = CertificateField::from_der(another.certificate().der());
    }
    Ok(honest)
}

fn print(handshake: &Handshake) -> std::io::Result<()> {
    OpenOptions::new().write(true).open(LINE)?.write_all(format!("{handshake}\n").as_bytes())
}

fn crash_in_call(_: Request<()>) -> Result<Request<()>, Status> {
    crash()
}

#[expect(clippy::exit, reason = "a crash leaves no room for anything else")]
fn crash() -> ! {
    complain(LAST_WORDS);
    exit(CRASHED)
}

/// Says a word on stderr, if anybody listens.
fn complain(words: &str) {
    let _ = writeln!(std::io::stderr(), "{words}");
}

/// Even the deaf end with their host, or a test that was killed would leave them behind.
#[expect(clippy::exit, reason = "nobody is left to serve")]
fn end_with_host() {
    while std::io::stdin().read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
    exit(0)
}

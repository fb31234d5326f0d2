use std::{io::Write as _, process::ExitCode};

use rpcplugin::{
    Server,
    server::{HclogLayer, ListenOn, Signals},
};
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Serves until SIGTERM at this socket, or on a port of loopback for `tcp`. The address goes to
/// stdout when it is ready, and what happens goes to stderr.
pub(crate) async fn serve(server: Server, at: &str) -> ExitCode {
    tracing_subscriber::registry().with(HclogLayer::new()).init();
    let handle = server.handle();
    let tell = async move || {
        let address = handle.address().expect("it is ready");
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{address}").and_then(|()| stdout.flush()).expect("somebody listens");
    };
    let listen = match at {
        "tcp" => ListenOn::Tcp(([127, 0, 0, 1], 0).into()),
        path => ListenOn::Unix(path.into()),
    };
    match server.signals(Signals::Handle).on_ready(tell).standalone(listen).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(code = error.code(), "{error}");
            ExitCode::FAILURE
        }
    }
}

use std::pin::Pin;

use rpcplugin_core::{CertificateField, Error, Handshake, TransportError};
use rpcplugin_server::Server;
use rpcplugin_transport::Listener;

/// A server's work, from the moment that it is ready until its end.
pub(super) type Serving = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Brings a server to the point where it would print its line, and tells what that would say.
///
/// # Errors
///
/// Why it does not serve.
pub(super) async fn ready(
    server: Server,
    listener: impl Listener,
    version: u32,
) -> Result<(Handshake, Serving), Error> {
    let handle = server.handle();
    let mut serving: Serving = Box::pin(server.serve_on(listener, version));
    tokio::select! {
        biased;
        // It ends before it is ready only if it cannot start.
        ended = &mut serving => return Err(ended.err().unwrap_or(TransportError::ShutDown.into())),
        ready = handle.ready() => ready?,
    }
    let address = handle.address().ok_or(TransportError::ShutDown)?;
    let mut handshake = Handshake::new(version, address);
    if let Some(certificate) = handle.certificate() {
        handshake.certificate = CertificateField::from_der(&certificate);
    }
    Ok((handshake, serving))
}

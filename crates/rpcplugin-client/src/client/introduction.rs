use super::Client;

impl Client {
    /// The handshake line by which the plugin announced itself, without its newline:
    /// [`Handshake`](rpcplugin_core::Handshake) reads it. `None` if this host did not start it.
    ///
    /// It may hold the plugin's certificate, and no secret.
    #[must_use]
    pub fn handshake_line(&self) -> Option<&str> {
        self.shared.facts.line.as_deref()
    }
}

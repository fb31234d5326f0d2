use std::time::Duration;

use crate::Server;

impl Server {
    /// Runs `hook` once every service answers, beside them: after the handshake line, where there
    /// is one. A stop ends it where it is.
    ///
    /// There is one hook for each moment; a later one takes its place. A panic in it is logged,
    /// and no more.
    ///
    /// # Example
    ///
    /// ```
    /// # use rpcplugin_core::MagicCookie;
    /// # use rpcplugin_server::Server;
    /// # const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
    /// let server = Server::new(COOKIE)
    ///     .on_ready(async || eprintln!("ready"))
    ///     .on_drain(async || eprintln!("no more calls come"))
    ///     .on_shutdown(async |left| eprintln!("all is over in {left:?}"));
    /// ```
    pub fn on_ready<F, W>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        // Called in the hook's own task, where a panic ends only that.
        self.hooks.ready = Some(Box::new(move || Box::pin(async move { hook().await })));
        self
    }

    /// Runs `hook` when a stop begins: no new calls are taken, those in progress go on beside it.
    /// It is cut when their time is up.
    pub fn on_drain<F, W>(mut self, hook: F) -> Self
    where
        F: FnOnce() -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        self.hooks.drain = Some(Box::new(move || Box::pin(async move { hook().await })));
        self
    }

    /// Runs `hook` when the calls in progress have ended or were cut, before connections close.
    /// It is given the time that remains, after which it is cut: what the calls left of the grace
    /// period, and at least a sixteenth of that.
    pub fn on_shutdown<F, W>(mut self, hook: F) -> Self
    where
        F: FnOnce(Duration) -> W + Send + 'static,
        W: Future<Output = ()> + Send + 'static,
    {
        self.hooks.shutdown = Some(Box::new(move |left| Box::pin(async move { hook(left).await })));
        self
    }
}

use std::io;

use futures_util::future::BoxFuture;
use rpcplugin_core::Address;
use rpcplugin_transport::{Accepted, BoxIo, Listener, Peer};
use tokio::sync::mpsc;

use super::Multiplexer;
use crate::ids::LiveId;

/// Takes in the streams that are meant for one number. Dropping it closes the number.
#[derive(Debug)]
pub(crate) struct SideListener {
    multiplexer: Multiplexer,
    id: u32,
    serial: u64,
    ids: crate::ids::Ids,
    streams: mpsc::Receiver<BoxIo>,
}

impl SideListener {
    pub(crate) fn new(multiplexer: Multiplexer, live: &LiveId) -> Self {
        let id = live.id().get();
        let (serial, streams) = multiplexer.router().listen(id);
        Self { multiplexer, id, serial, ids: live.ids().clone(), streams }
    }
}

impl Listener for SideListener {
    /// A name for messages; nobody dials it.
    fn address(&self) -> Address {
        Address::Unix("/multiplexed".into())
    }

    /// Stays pending once the connection is lost.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            match self.streams.recv().await {
                // Who is at the other end was judged when the connection was settled on.
                Some(io) => Ok(Accepted::new(io, Peer::default())),
                None => std::future::pending().await,
            }
        })
    }
}

impl Drop for SideListener {
    fn drop(&mut self) {
        // First, so that a knock from here on is refused at once.
        self.ids.close(self.id);
        self.multiplexer.router().close(self.id, self.serial);
    }
}

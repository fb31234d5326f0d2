//! HTTP/2 as it comes from the wire.

use std::{path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

/// A peer that says hello and nothing more, whatever it is asked.
pub(crate) struct Mute(UnixStream);

/// A frame's kind, flags and payload.
pub(crate) struct Frame(pub(crate) u8, pub(crate) u8, pub(crate) Vec<u8>);

pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;

impl Mute {
    pub(crate) async fn connect(socket: &Path) -> Self {
        let mut stream = UnixStream::connect(socket).await.unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        Self(stream)
    }

    /// The next frame; `None` at the end, or after this time.
    pub(crate) async fn frame(&mut self, limit: Duration) -> Option<Frame> {
        let reading = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame(head[3], head[4], payload))
        };
        timeout(limit, reading).await.ok()?
    }

    /// The next frame of this kind that is no answer.
    pub(crate) async fn next(&mut self, kind: u8, limit: Duration) -> Option<Vec<u8>> {
        let reading = async {
            loop {
                let Frame(found, flags, payload) = self.frame(limit).await?;
                if found == kind && flags & 1 == 0 {
                    return Some(payload);
                }
            }
        };
        timeout(limit, reading).await.ok()?
    }

    /// Whether the plugin hangs up within this time.
    pub(crate) async fn is_cut(&mut self, limit: Duration) -> bool {
        let mut rest = Vec::new();
        timeout(limit, self.0.read_to_end(&mut rest)).await.is_ok()
    }
}

use std::{path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::timeout,
};

/// A peer that says hello in HTTP/2 and nothing more, whatever it is asked.
#[derive(Debug)]
pub struct MutePeer(UnixStream);

/// A frame of HTTP/2 as it comes from the wire.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "these are its parts")]
pub struct Frame {
    /// What it is.
    pub kind: u8,
    /// Its flags, which differ by kind.
    pub flags: u8,
    /// What it holds.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The kind that says what a side takes.
    pub const SETTINGS: u8 = 4;
    /// The kind that wants an answer.
    pub const PING: u8 = 6;
}

impl MutePeer {
    /// Says hello at a socket.
    ///
    /// # Panics
    ///
    /// If nobody listens there.
    pub async fn connect(socket: &Path) -> Self {
        const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let mut stream = UnixStream::connect(socket).await.expect("somebody listens there");
        stream.write_all(HELLO).await.expect("somebody reads");
        Self(stream)
    }

    /// The next frame; `None` at the end, or after this time.
    pub async fn frame(&mut self, limit: Duration) -> Option<Frame> {
        let reading = async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame { kind: head[3], flags: head[4], payload })
        };
        timeout(limit, reading).await.ok()?
    }

    /// The payload of the next frame of this kind that is no answer.
    pub async fn next(&mut self, kind: u8, limit: Duration) -> Option<Vec<u8>> {
        let reading = async {
            loop {
                let frame = self.frame(limit).await?;
                if frame.kind == kind && frame.flags & 1 == 0 {
                    return Some(frame.payload);
                }
            }
        };
        timeout(limit, reading).await.ok()?
    }

    /// How many streams the other side lets this one open.
    ///
    /// # Panics
    ///
    /// If it does not say so in this time.
    pub async fn streams(&mut self, limit: Duration) -> u32 {
        let settings = self.next(Frame::SETTINGS, limit).await.expect("it introduces itself");
        let mut settings = settings.chunks_exact(6);
        let streams = settings.find(|one| one[..2] == [0, 3]).expect("it bounds streams");
        streams[2..].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
    }

    /// Whether the other side hangs up within this time.
    pub async fn is_cut(&mut self, limit: Duration) -> bool {
        let mut rest = Vec::new();
        timeout(limit, self.0.read_to_end(&mut rest)).await.is_ok()
    }
}

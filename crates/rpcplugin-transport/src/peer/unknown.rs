//! Systems that do not tell who a process's ancestors are or who holds a port.

use std::{net::SocketAddr, time::Instant};

/// A TCP socket; there are none to be seen here.
pub(super) struct Socket {
    pub(super) uid: u32,
    pub(super) inode: u64,
}

/// Nothing is read here.
pub(super) struct Interest;

impl Interest {
    pub(super) const fn new() -> Self {
        Self
    }
}

#[cfg(unix)]
pub(super) const fn descends_from(_: u32, _: u32) -> bool {
    true
}

pub(super) const fn listeners(_: SocketAddr) -> Option<Vec<Socket>> {
    None
}

pub(super) const fn holds(_: u32, _: u64, _: bool) -> bool {
    true
}

pub(super) const fn user_of(_: SocketAddr, _: SocketAddr, _: Instant) -> Option<u32> {
    None
}

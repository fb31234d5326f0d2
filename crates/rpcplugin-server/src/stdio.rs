//! The plugin's captured output: descriptor 1 of the whole process, and [`stderr`].
//!
//! From the start of [`Server::run`] or [`Server::serve`], whatever anything in the process writes
//! to descriptor 1 (a library, C code, a child) goes to the host over the stdio service and
//! cannot disturb the handshake. Descriptor 2 stays the log channel.
//!
//! **Invariant:** writers never wait for the host. Each channel is a ring; when it is full the
//! oldest bytes go, and the number lost is reported as a warning.
//!
//! On Windows descriptor 1 is not captured; [`stderr`] works everywhere.
//!
//! [`Server::run`]: crate::Server::run
//! [`Server::serve`]: crate::Server::serve

use std::sync::{Arc, LazyLock};

mod output;
mod ring;
mod service;
#[cfg(unix)]
#[path = "stdio/stdout_unix.rs"]
mod stdout;
#[cfg(not(unix))]
#[path = "stdio/stdout_other.rs"]
mod stdout;
mod writer;

pub use self::writer::{Stderr, stderr};
pub(crate) use self::{output::Output, service::service, stdout::RealStdout};

/// The output of this process; there is one, because there is one descriptor 1.
pub(crate) fn of_process() -> Arc<Output> {
    static OUTPUT: LazyLock<Arc<Output>> = LazyLock::new(Arc::default);
    Arc::clone(&OUTPUT)
}

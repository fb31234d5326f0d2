//! How the bytes of rpcplugin travel.
//!
//! - [`Listener`] and [`Connector`]: the two ends of a connection. The library's own use Unix
//!   sockets, TCP, and [`memory`] for tests; a user's own pair works as well.
//! - [`PluginChannel`]: the gRPC channel to one plugin process, for every tonic client, bound to
//!   the process's [`Generation`].
//! - [`serving`]: what answers calls at the other end of such a channel.
//! - [`error_from_status`], [`crash_report`]: what the status of a call stands for.
//! - [`Peer`], [`ExpectedPeer`]: who is at the other end, checked before the first byte;
//!   [`Birth`]: when that process began.
//!
//! **Invariant:** this crate knows neither TLS nor processes. TLS is a layer round a connector.

mod accept;
mod birth;
mod channel;
mod connector;
mod frame_limit;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod generation;
mod io;
mod listener;
pub mod memory;
mod peer;
mod process_stat;
mod random;
pub mod serving;
mod status;
mod tcp;
#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub use self::unix::{
    PrivateDir, UnixBind, UnixConnector, UnixListener, UnixSurroundings, socket_group,
};
pub use self::{
    birth::Birth,
    channel::{CallTrace, ChannelBody, ChannelFuture, ChannelOptions, PluginChannel},
    connector::{Connecting, Connector},
    frame_limit::FrameLimit,
    generation::{EndReason, Generation},
    io::{BoxIo, Io},
    listener::{Accepted, Listener, Proof},
    peer::{ExpectedPeer, Peer},
    process_stat::ProcessStat,
    status::{crash_report, error_from_status},
    tcp::{TcpBind, TcpConnector, TcpListener},
};

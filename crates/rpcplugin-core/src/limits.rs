//! Bounds that both sides keep, in one place.
//!
//! A builder may change those that say so.

use std::time::Duration;

/// Longest handshake line that a host reads, in bytes, without its newline.
pub const HANDSHAKE_LINE: usize = 16 * 1024;
/// Most banner lines that a lenient host skips before the handshake line.
pub const BANNER_LINES: usize = 64;
/// Most banner bytes that a lenient host skips before the handshake line.
pub const BANNER_BYTES: usize = 64 * 1024;
/// Longest JSON that records of running plugins are read from, in bytes.
pub const REATTACH: usize = 64 * 1024;
/// Longest log line on stderr, in bytes, with its newline; longer ones arrive in pieces.
pub const LOG_LINE: usize = 64 * 1024;
/// Lines of stderr kept for crash reports. Settable on the host.
pub const STDERR_TAIL_LINES: usize = 100;
/// Longest line kept in a crash report, in bytes; the rest is cut.
pub const REPORT_LINE: usize = 4 * 1024;
/// Largest gRPC message, sent or received, in bytes. Settable on both sides.
pub const MESSAGE: usize = 64 * 1024 * 1024;
/// Streams that a peer may open on one connection. Settable on both sides.
pub const CONCURRENT_STREAMS: u32 = 256;
/// Connections that a plugin serves at once; what comes beyond is closed. With those that have
/// not said anything yet they need less than the 1,024 descriptors that a process usually has.
pub const CONNECTIONS: usize = 512;
/// Largest list of headers accepted, in bytes.
pub const HEADER_LIST: u32 = 16 * 1024;
/// Streams that a peer may reset before they are accepted.
pub const PENDING_RESETS: usize = 20;
/// Streams that we may have to reset for a peer's faults.
pub const LOCAL_RESETS: usize = 1024;
/// What one call may send ahead of its reader, in bytes: the window of an HTTP/2 stream. Wide,
/// because both ends share one machine.
pub const STREAM_WINDOW: u32 = 1024 * 1024;
/// The window of a whole HTTP/2 connection, in bytes.
///
/// h2 closes a connection once its unread frames of less than 256 bytes lack more than half of
/// this window to that size. Go peers send a frame for each message, so one slow reader of a full
/// window of empty messages (5 bytes each) must fit: 50 times the stream's window.
pub const CONNECTION_WINDOW: u32 = 128 * STREAM_WINDOW;
/// Largest HTTP/2 frame, in bytes: more than the usual 16 KiB saves work on large messages.
pub const FRAME: u32 = 64 * 1024;
/// What one call may have waiting to be sent, in bytes.
pub const SEND_BUFFER: usize = 1024 * 1024;
/// Ring for captured output, in bytes. Settable on both sides.
pub const STDIO_BUFFER: usize = 64 * 1024;
/// Largest chunk of captured output that a plugin sends, in bytes.
pub const STDIO_CHUNK: usize = 1024;
/// Side channels that a peer may have offered and nobody has claimed. Settable on both sides.
pub const BROKER_PENDING: usize = 1024;
/// Longest path of a Unix socket, in bytes, without the final NUL.
pub const SOCKET_PATH: usize = if cfg!(target_os = "macos") { 103 } else { 107 };
/// Longest directory that a host may give its plugins for their sockets: a Go plugin appends up
/// to 17 bytes to it, and others more.
pub const SOCKET_DIR: usize = 80;
/// Longest directory in which a private one of at most [`SOCKET_DIR`] bytes can be made.
pub const SOCKET_BASE: usize = SOCKET_DIR - "/rpcplugin-XXXXXXXX".len();

/// The whole of `spawn`. Settable.
pub const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Launch to complete handshake line. Settable.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);
/// For connecting, and again for the TLS handshake. Settable.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Handshake line to first answer. Settable.
pub const CHANNEL_READY_TIMEOUT: Duration = Duration::from_secs(10);
/// Start of `serve` to listening. Settable.
pub const SERVER_READY_TIMEOUT: Duration = Duration::from_secs(5);
/// Host: wait after `Shutdown`. Plugin: time to drain. Settable.
pub const GRACE: Duration = Duration::from_secs(2);
/// Part of the grace period that a plugin keeps for its own exit.
pub const EXIT_RESERVE: Duration = Duration::from_millis(500);
/// Wait after SIGTERM. Settable.
pub const TERMINATE_TIMEOUT: Duration = Duration::from_secs(1);
/// Wait for a killed process to be reaped.
pub const REAP: Duration = Duration::from_secs(1);
/// How long pipes are drained after the process has ended.
pub const PIPE_DRAIN: Duration = Duration::from_millis(250);
/// Wait for the answer to `ping`. Settable.
pub const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// Time between liveness probes. Settable.
pub const KEEPALIVE: Duration = Duration::from_secs(10);
/// Wait for the answer to a liveness probe. Settable.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Wait for the other side of a side channel. Settable.
pub const BROKER_TIMEOUT: Duration = Duration::from_secs(5);

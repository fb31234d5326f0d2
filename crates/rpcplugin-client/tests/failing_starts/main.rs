//! Starts that fail: each with its own error, in bounded time, and nothing left behind.
//!
//! The plugins are shell scripts, so what they do is all there is to them.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod connecting;
mod exits;
mod given_up;
mod lines;
mod support;
#[cfg(feature = "tls")]
mod tls;

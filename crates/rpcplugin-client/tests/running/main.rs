//! A running plugin from its host's side: calls, health, output, shutdown, death.
//!
//! The process is a shell script, and the gRPC server behind the address that it announces is
//! this test's own: so each does exactly what a case needs.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod ends;
mod fake;
mod frames;
mod health;
#[cfg(feature = "tls")]
mod one_sided;
mod printed;
mod stops;

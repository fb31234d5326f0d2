//! The plugin as a process, started with a raw environment.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers fail their test this way")]

#[path = "process/ending.rs"]
mod ending;
#[path = "process/output.rs"]
mod output;
#[path = "process/starting.rs"]
mod starting;
#[path = "process/support.rs"]
mod support;

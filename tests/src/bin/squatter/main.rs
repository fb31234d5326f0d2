//! Runs a plugin, and connects to it before its host can.
//!
//! This process becomes the plugin. A child of it reads the line, connects, and passes the line on
//! to the host only then. `SQUATTER_REPORT` names a pipe to which it tells when it was dropped.
//! With `SQUATTER_SPEAKS` it speaks yamux and HTTP/2 first, as a host does.

#[cfg(unix)]
mod squat;

#[cfg(unix)]
fn main() -> anyhow::Result<()> {
    match std::env::args().nth(1) {
        Some(plugin) => squat::become_plugin(&plugin),
        None => squat::squat(),
    }
}

#[cfg(not(unix))]
fn main() {}

//! What the whole-process tests share.
//!
//! - [`certificates`]: those that our programs and other peers use with each other.
//! - [`leak`]: the oracle that every test runs under.
//! - [`Fifo`]: a named pipe by which a test steps a plugin and hears from it, so that no test
//!   depends on a sleep.
//! - [`host`]: the programs of this package, and how most tests start them.
//! - [`Bare`]: a plugin under a host that does nothing by itself.
//! - [`running`]: plugins that run before the test's own host comes to them.
//! - [`stranger`]: somebody who finds a plugin's socket and is not its host.
//! - [`MutePeer`]: a peer that speaks HTTP/2 by hand.
//! - [`settings_file`]: configuration files of each format.
//! - [`Events`]: what the library logs.
//! - [`Unprivileged`]: a user of its own for a plugin, because much does not bind root.
//! - [`namespaces`]: process numbers and file systems of a test's own.
//! - [`golden`], [`golden_line`]: errors as a person sees them, compared with what was written down.
//! - [`Shortage`]: a process that runs out of descriptors.
//! - [`PeakMemory`], [`Footprint`]: how much a process grew, and what it holds.
//! - [`Mirror`], [`Names`]: what a host serves to its plugin.
//!
//! The programs: `test-plugin` behaves, `evil-plugin` does not, `test-host` can be killed.

#[cfg(target_os = "linux")]
mod bare;
pub mod certificates;
#[cfg(target_os = "linux")]
mod events;
#[cfg(target_os = "linux")]
mod fifo;
#[cfg(target_os = "linux")]
mod footprint;
#[cfg(target_os = "linux")]
mod golden;
#[cfg(target_os = "linux")]
pub mod host;
#[cfg(target_os = "linux")]
pub mod leak;
#[cfg(target_os = "linux")]
mod memory;
mod mirror;
#[cfg(target_os = "linux")]
mod mute_peer;
mod names;
#[cfg(target_os = "linux")]
pub mod namespaces;
#[cfg(target_os = "linux")]
pub mod running;
pub mod settings_file;
#[cfg(target_os = "linux")]
mod shortage;
#[cfg(target_os = "linux")]
pub mod stranger;
#[cfg(target_os = "linux")]
mod unprivileged;

#[cfg(target_os = "linux")]
pub use self::{
    bare::{Bare, Left},
    events::{Event, Events},
    fifo::Fifo,
    footprint::Footprint,
    golden::{golden, golden_line},
    memory::PeakMemory,
    mute_peer::{Frame, MutePeer},
    shortage::Shortage,
    unprivileged::Unprivileged,
};
pub use self::{mirror::Mirror, names::Names};

/// The cookie of all plugins in these tests.
pub const COOKIE: rpcplugin::MagicCookie =
    rpcplugin::MagicCookie::new("RPCPLUGIN_TESTS_COOKIE", "6d2f1c");

/// Says that something cannot be tested on this machine, and why: past the test harness, which
/// shows the output of failed tests only.
pub fn not_tested(what: &str, why: impl std::fmt::Display) {
    use std::io::Write as _;
    // Nothing is to be done about a stderr that is gone.
    let _ = writeln!(std::io::stderr(), "NOT TESTED here: {what}: {why}");
}

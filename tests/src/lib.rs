//! What the whole-process tests share.
//!
//! - [`leak`]: the oracle that every test runs under.
//! - [`Fifo`]: a named pipe by which a test steps a plugin and hears from it, so that no test
//!   depends on a sleep.
//! - [`COOKIE`], [`program!`]: the programs of this package and what they are started with.
//!
//! The programs: `test-plugin` behaves, `evil-plugin` does not, `test-host` can be killed.

#[cfg(target_os = "linux")]
mod fifo;
#[cfg(target_os = "linux")]
pub mod leak;

#[cfg(target_os = "linux")]
pub use self::fifo::Fifo;

/// The cookie of all plugins in these tests.
pub const COOKIE: rpcplugin_core::MagicCookie =
    rpcplugin_core::MagicCookie::new("RPCPLUGIN_TESTS_COOKIE", "6d2f1c");

/// The path of a program of this package.
#[macro_export]
macro_rules! program {
    ($name:literal) => {
        env!(concat!("CARGO_BIN_EXE_", $name))
    };
}

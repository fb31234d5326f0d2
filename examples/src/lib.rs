//! What the programs of this package share.

mod facts;
mod store;

use rpcplugin::MagicCookie;

pub use self::{facts::Facts, store::Store};

/// Proof that an example's plugin was started by its host.
pub const COOKIE: MagicCookie =
    MagicCookie::new("RPCPLUGIN_EXAMPLE_COOKIE", "a5f9-kv-and-streaming");

/// Compiles the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

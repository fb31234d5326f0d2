//! What the programs of this package share.

mod facts;
#[cfg(unix)]
mod oci;
mod store;
mod words;

use rpcplugin::MagicCookie;

#[cfg(unix)]
pub use self::oci::OciRunner;
pub use self::{facts::Facts, store::Store, words::Words};

/// Proof that an example's plugin was started by its host.
pub const COOKIE: MagicCookie =
    MagicCookie::new("RPCPLUGIN_EXAMPLE_COOKIE", "a5f9-kv-and-streaming");

/// Compiles the programs of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

/// Compiles the programs of a guide.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/attach.md")]
mod attach {}

//! A plugin's log as go-plugin hosts read it: one JSON object a line on stderr.
//!
//! **Invariant:** logging never blocks the plugin. What stderr does not take waits in a bounded
//! queue; what does not fit there is dropped and counted.

mod fields;
mod layer;
mod line;
mod sink;
#[cfg(unix)]
#[path = "hclog/stderr_unix.rs"]
mod stderr;
#[cfg(not(unix))]
#[path = "hclog/stderr_other.rs"]
mod stderr;

pub use self::layer::HclogLayer;
pub(crate) use self::sink::{flush, send};

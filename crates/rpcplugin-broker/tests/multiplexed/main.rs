//! Two brokers, or one and a raw peer, over one multiplexed connection.
#![cfg(unix)]
#![allow(unreachable_pub, reason = "nothing outside sees a test")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod bounds;
mod calls;
mod interleavings;
mod knocks;
mod pair;
mod raw;
mod strangers;
#[path = "../broker/support.rs"]
#[allow(dead_code, reason = "shared with the tests of plain side channels")]
mod support;

//! Two brokers, or one and a raw peer, joined by a connection in memory. Their side channels use
//! real sockets.
#![cfg(unix)]
#![allow(unreachable_pub, reason = "nothing outside sees a test")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod both_ways;
mod ending;
mod faults;
mod floods;
mod interleavings;
mod logged;
mod raw;
mod streams;
mod support;
mod tls;

//! Both ends together: real sockets, real HTTP/2, the services of `rpcplugin-proto`.
#![allow(unreachable_pub, reason = "nothing outside sees a test")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod calls;
mod connections;
mod deadlines;
#[cfg(unix)]
mod foreign;
mod limits;
mod load;
mod loss;
mod peers;
mod support;
#[cfg(unix)]
mod sweep;
mod tcp;
#[cfg(unix)]
mod unix;

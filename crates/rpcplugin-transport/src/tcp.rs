//! TCP on both ends: one bind, no name lookups, no delay.

mod connector;
mod listener;

pub use self::{
    connector::TcpConnector,
    listener::{TcpBind, TcpListener},
};

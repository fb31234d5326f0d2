//! Unix sockets on both ends: random names, modes set before anybody can connect, nothing
//! removed that this process did not create.

mod connector;
mod directory;
mod group;
mod listener;
mod lock;
mod removal;
mod socket;
mod surroundings;
mod sweep;

pub use self::{
    connector::UnixConnector,
    directory::PrivateDir,
    group::socket_group,
    listener::{UnixBind, UnixListener},
    surroundings::UnixSurroundings,
};

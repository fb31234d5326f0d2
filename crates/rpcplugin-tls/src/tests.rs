//! Whole handshakes: our two sides with each other, and each with strangers.

mod certificates;
mod custom;
mod identities;
mod mutual;
mod not_tls;
mod p521_peers;
mod peers;
mod strangers;

//! Whole handshakes: our two sides with each other, and each with strangers.

mod authorities;
mod certificates;
mod custom;
mod files;
mod following;
mod identities;
mod mutual;
mod not_tls;
mod p521_peers;
mod peers;
mod policies;
mod renewals;
mod revoking;
mod rotation;
mod sources;
mod strangers;
mod trusted_roots;

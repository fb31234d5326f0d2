//! The vocabulary of rpcplugin, shared by hosts and plugins.
//!
//! - [`MagicCookie`]: proof that a plugin was launched on purpose.
//! - [`Handshake`]: the one line in which a plugin says where it listens and what it speaks.
//! - [`VersionSet`]: the application versions of one side, and their negotiation.
//! - [`Address`], [`Network`]: where a plugin listens.
//! - [`Reattach`]: a running plugin, as hosts tell each other of it.
//! - [`Config`]: the settings, from defaults, program, files and environment.
//! - [`LaunchEnv`]: the variables that a host gives its plugin, read once.
//! - [`Error`] and its five kinds, each with a stable code and a hint; [`CrashReport`].
//! - [`Noise`]: how often a peer's mistakes are worth a line of the log.
//! - [`codes`]: what there is to know of each code.
//!
//! **Invariant:** nothing here waits. [`Config`] reads the files that it is told of, and
//! [`Config::load`] the process's environment; nothing else does either.
//!
//! # Example
//!
//! ```
//! use rpcplugin_core::{Handshake, VersionSet};
//!
//! let host: VersionSet = [2, 3].into_iter().collect();
//! let handshake = Handshake::read(b"1|3|tcp|127.0.0.1:1234|grpc|\n", &host)?;
//! assert_eq!(handshake.app_version, 3);
//! # Ok::<(), rpcplugin_core::HandshakeError>(())
//! ```

mod address;
mod certificate_field;
pub mod config;
mod cookie;
mod crash;
pub mod env;
mod error;
mod escape;
mod forward_write;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
pub mod limits;
mod noise;
mod reattach;
mod version;

pub use self::{
    address::{Address, Network, UnknownNetwork},
    certificate_field::CertificateField,
    config::Config,
    cookie::MagicCookie,
    crash::{CrashReport, ExitStatus, Peak, Phase, ReachedLimit},
    env::LaunchEnv,
    error::{
        CodeInfo, ConfigError, Error, HandshakeError, Kind, MissingPart, ProtocolError, Retryable,
        SecurityError, SystemError, TransportError, codes,
    },
    escape::{escape, escape_text},
    handshake::Handshake,
    noise::Noise,
    reattach::Reattach,
    version::VersionSet,
};

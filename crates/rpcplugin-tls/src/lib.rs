//! One-time certificates, exact pinning and mutual TLS for rpcplugin.
//!
//! - [`Identity`]: a key and its certificate, made for one start; [`Certificate`]: the public half,
//!   read from the handshake line or the environment.
//! - [`ClientTls`], [`ServerTls`]: what each side presents, and whom it accepts: one certificate,
//!   or with [`CustomTls`] whoever an operator's [`Roots`] stand for.
//! - [`TlsLayer`]: TLS over any connector; [`TlsAcceptor`]: TLS for accepted connections.
//! - [`CertAuthority`] issues certificates, [`CertInfo`] tells what stands in one, and
//!   [`Verification`] says why a chain is not trusted.
//! - [`CertManager`] renews certificates while connections come and go.
//! - [`explain`]: finds the TLS failure inside an error that other layers have wrapped.
//!
//! **Invariants:** nothing here opens sockets or processes. Both sides always verify: there is no
//! setting that accepts any certificate, and none that makes the client's optional. The
//! cryptographic [`Provider`] is passed explicitly, never installed process-wide. No key shows in
//! an error or a `Debug`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod acceptor;
mod authority;
mod cert_info;
mod certificate;
mod client;
mod connector;
mod crls;
mod custom;
mod failure;
mod files;
mod first_bytes;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod info;
mod key;
mod latest;
mod layer;
mod manager;
mod pin;
mod provider;
mod renewal;
mod roots;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod trust;
mod upkeep;
mod verification;
mod version;
mod words;
mod x509;

#[cfg(feature = "custom-provider")]
#[cfg_attr(docsrs, doc(cfg(feature = "custom-provider")))]
pub use self::provider::CustomProvider;
pub use self::{
    acceptor::TlsAcceptor,
    authority::{AuthorityParams, CertAuthority},
    cert_info::CertInfo,
    certificate::{Certificate, Fingerprint},
    client::ClientTls,
    connector::{TlsConnecting, TlsConnector},
    crls::Crls,
    custom::CustomTls,
    failure::explain,
    files::PemSource,
    identity::{Identity, IdentityParams, San, SecretPem, Usage},
    info::TlsInfo,
    key::KeyType,
    layer::TlsLayer,
    manager::{CertDirectory, CertEvent, CertManager, CertManagerBuilder, CertRole},
    provider::Provider,
    roots::Roots,
    server::ServerTls,
    stream::{ClientStream, ServerStream},
    verification::Verification,
    version::TlsVersion,
};

/// Certificates last for days.
const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// The rustls that this crate was built with, for [`Provider::custom`] alone: no other signature
/// names its types.
#[cfg(feature = "custom-provider")]
#[cfg_attr(docsrs, doc(cfg(feature = "custom-provider")))]
pub use rustls;

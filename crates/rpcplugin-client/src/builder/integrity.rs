//! The settings that say what may be started.

use super::Builder;
use crate::integrity::{Algorithm, Digests};

impl Builder {
    /// Starts the program only if its SHA-256 digest is one of these, each given as its 32 bytes
    /// or as 64 hexadecimal digits. Replaces what was set before; default any program.
    ///
    /// On Linux the bytes that were hashed are the bytes that run: a copy in memory that nobody
    /// can change. Scripts, and programs of other Unix systems, run as a private copy that was
    /// hashed after it was made. `docs/guide/integrity.md` says what a program notices of that.
    /// Every start reads and hashes the whole file anew. Not on Windows.
    ///
    /// Anything else, also an empty list or a digest of another length, fails the start with
    /// `SECURITY_CHECKSUM_MISMATCH` before anything runs. Together with a
    /// [`runner`](Builder::runner) it is a `CONFIG_CONFLICT`.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_client::Client;
    /// use rpcplugin_core::MagicCookie;
    ///
    /// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
    /// const KV_PLUGIN: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    ///
    /// let builder = Client::builder(COOKIE).sha256([KV_PLUGIN]);
    /// # drop(builder);
    /// ```
    pub fn sha256<D: AsRef<[u8]>>(self, digests: impl IntoIterator<Item = D>) -> Self {
        self.digests(Digests::new(Algorithm::Sha256, digests))
    }

    /// As [`sha256`](Builder::sha256), with SHA-384 digests of 48 bytes.
    pub fn sha384<D: AsRef<[u8]>>(self, digests: impl IntoIterator<Item = D>) -> Self {
        self.digests(Digests::new(Algorithm::Sha384, digests))
    }

    /// As [`sha256`](Builder::sha256), with SHA-512 digests of 64 bytes.
    pub fn sha512<D: AsRef<[u8]>>(self, digests: impl IntoIterator<Item = D>) -> Self {
        self.digests(Digests::new(Algorithm::Sha512, digests))
    }

    /// Starts the program only if nobody but this user and root can change it or put another in
    /// its place: file and directories belong to one of the two, nobody else may write to them,
    /// and neither it nor any directory on the way is a symbolic link. The program must be named
    /// by a path. By default others' rights to write are a warning.
    ///
    /// Together with a [`runner`](Builder::runner) it is a `CONFIG_CONFLICT`. Unix only: elsewhere
    /// the start fails with `SECURITY_ISOLATION_FAILED`.
    pub fn trusted_paths_only(mut self) -> Self {
        self.options.integrity.trusted_paths_only = true;
        self
    }

    fn digests(mut self, digests: Digests) -> Self {
        self.options.integrity.digests = Some(digests);
        self
    }
}

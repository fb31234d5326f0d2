use futures_util::future::BoxFuture;

use super::preface::read_preface;
use crate::BoxIo;

/// What a connection must prove before its calls are answered: that it is the host's, by TLS.
pub trait Gate: Send + Sync + 'static {
    /// Proves a connection within a time limit, and gives it back as it is then to be used.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    ///
    /// Why it was refused, for the log.
    fn admit(&self, io: BoxIo) -> BoxFuture<'_, Result<BoxIo, String>>;
}

/// Admits a connection where nothing is to be proved: it must at least begin as HTTP/2 does.
///
/// # Errors
///
/// What it did instead, or that it said nothing within 5 s.
pub async fn admit_plaintext(io: BoxIo) -> Result<BoxIo, String> {
    match read_preface(io).await {
        Ok(io) => Ok(Box::new(io)),
        Err(error) => Err(error.to_string()),
    }
}

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection's bytes, in both directions.
///
/// Implemented for every type that can be one; there is nothing to write by hand.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Any connection.
pub type BoxIo = Box<dyn Io>;

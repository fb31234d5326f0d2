use std::{fmt, io, ops::Deref, sync::Arc};

/// The system's own error, as a cause that many errors share.
///
/// It is no [`Error`](std::error::Error) itself: whoever walks a chain of causes finds the
/// [`io::Error`] in it, with its kind and all that it wraps.
///
/// # Example
///
/// ```
/// use std::{error::Error as _, io};
///
/// use rpcplugin_core::TransportError;
///
/// let source = io::Error::from(io::ErrorKind::OutOfMemory);
/// let error = TransportError::Resources { source: source.into() };
/// let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
/// assert_eq!(cause.map(io::Error::kind), Some(io::ErrorKind::OutOfMemory));
/// ```
#[derive(Clone)]
pub struct SystemError(Arc<io::Error>);

impl From<io::Error> for SystemError {
    fn from(error: io::Error) -> Self {
        Self(Arc::new(error))
    }
}

// The derived `source()` of an error looks through this for something that is one.
impl Deref for SystemError {
    type Target = io::Error;

    fn deref(&self) -> &io::Error {
        &self.0
    }
}

impl fmt::Debug for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

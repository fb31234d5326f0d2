use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use rpcplugin_core::{Error, Phase, TransportError};
use tower_service::Service;

use crate::Io;

/// How a host reaches its plugin: a service that dials anew at each call, whatever [`Uri`] it is
/// asked for.
///
/// Implemented for every fitting [`Service`], so a layer (TLS, a test's fault injector) wraps any
/// connector without a word about this trait.
pub trait Connector:
    Service<Uri, Response = TokioIo<Self::Io>, Error = Error, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
    /// The connection.
    type Io: Io;
}

impl<S, T> Connector for S
where
    S: Service<Uri, Response = TokioIo<T>, Error = Error> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    T: Io,
{
    type Io = T;
}

/// Builder and service of a connector with the fields `expected` and `timeout`, whose `dial`
/// connects once.
macro_rules! dialler {
    ($connector:ident, $io:ty, $(#[$whom:meta])+) => {
        impl $connector {
            $(#[$whom])+
            #[must_use]
            pub const fn expect_peer(mut self, expected: crate::ExpectedPeer) -> Self {
                self.expected = expected;
                self
            }

            /// Gives up after this time instead of 5 s.
            #[must_use]
            pub const fn timeout(mut self, timeout: std::time::Duration) -> Self {
                self.timeout = timeout;
                self
            }
        }

        impl tower_service::Service<http::Uri> for $connector {
            type Response = hyper_util::rt::TokioIo<$io>;
            type Error = rpcplugin_core::Error;
            type Future = crate::Connecting<$io>;

            fn poll_ready(
                &mut self,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Result<(), Self::Error>> {
                // Nothing to wait for: each call dials anew.
                std::task::Poll::Ready(Ok(()))
            }

            fn call(&mut self, _: http::Uri) -> Self::Future {
                crate::Connecting::new(self.timeout, self.clone().dial())
            }
        }
    };
}
pub(crate) use dialler;

/// A connection on its way. Dropping it gives up.
#[must_use = "a future does nothing unless it is polled"]
pub struct Connecting<T> {
    inner: BoxFuture<'static, Result<TokioIo<T>, Error>>,
}

impl<T: Io> Connecting<T> {
    /// Runs `dial`, for at most `limit`.
    pub(crate) fn new(
        limit: Duration,
        dial: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Self {
        Self {
            inner: Box::pin(async move {
                match tokio::time::timeout(limit, dial).await {
                    Ok(connected) => connected.map(TokioIo::new),
                    Err(_) => Err(timed_out(limit)),
                }
            }),
        }
    }
}

impl<T> Future for Connecting<T> {
    type Output = Result<TokioIo<T>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.inner.as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for Connecting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connecting").finish_non_exhaustive()
    }
}

/// The error of a connection that did not come about in time.
pub(crate) fn timed_out(limit: Duration) -> Error {
    TransportError::ConnectTimeout { phase: Phase::Connect, limit }.into()
}

/// What a failed `connect` means.
pub(crate) fn dial_error(
    error: io::Error,
    address: &impl fmt::Display,
    denied: impl FnOnce() -> String,
) -> Error {
    let address = rpcplugin_core::escape_text(&address.to_string());
    match error.kind() {
        io::ErrorKind::ConnectionRefused => TransportError::Refused { address },
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            TransportError::NotFound { address }
        }
        io::ErrorKind::PermissionDenied => TransportError::Denied { address, detail: denied() },
        _ if is_shortage(&error) => TransportError::Resources { source: error.into() },
        _ => TransportError::Disconnected {
            detail: format!("connecting to {address} failed"),
            source: Some(error.into()),
        },
    }
    .into()
}

/// Whether the system ran out of descriptors or memory.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        Errno::from_io_error(error).is_some_and(|e| {
            matches!(e, Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS)
        })
    }
    #[cfg(not(unix))]
    {
        error.kind() == io::ErrorKind::OutOfMemory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_of_the_system_has_its_error() {
        let check = |error: io::Error, code: &str| {
            let error = dial_error(error, &"/s", || "owner 7, mode 0000".to_owned());
            assert_eq!(error.code(), code, "{error}");
        };
        check(io::ErrorKind::ConnectionRefused.into(), "TRANSPORT_REFUSED");
        check(io::ErrorKind::NotFound.into(), "TRANSPORT_NOT_FOUND");
        check(io::ErrorKind::NotADirectory.into(), "TRANSPORT_NOT_FOUND");
        check(io::ErrorKind::PermissionDenied.into(), "TRANSPORT_DENIED");
        check(io::ErrorKind::NetworkUnreachable.into(), "TRANSPORT_DISCONNECTED");
        #[cfg(unix)]
        check(rustix::io::Errno::MFILE.into(), "TRANSPORT_RESOURCES");
    }
}

use std::{error::Error as StdError, io, sync::Arc};

use h2::Reason;
use rpcplugin_core::limits;
use tonic::{Code, Status};

/// Whose end it is.
#[derive(Debug)]
pub(super) enum Failure {
    /// The call's own: others on the connection go on.
    Call(Status),
    /// The whole connection's, and what the call saw of it.
    Connection(String),
}

/// Reads what hyper says about a call.
pub(super) fn classify(error: &hyper::Error) -> Failure {
    let first: &(dyn StdError + 'static) = error;
    for cause in std::iter::successors(Some(first), |error| (*error).source()) {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return Failure::Connection(error.to_string());
        }
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            return if error.is_go_away() || error.is_io() {
                Failure::Connection(error.to_string())
            } else {
                Failure::Call(reset(error))
            };
        }
    }
    if error.is_closed() || error.is_canceled() {
        Failure::Connection("it closed before the call was sent".to_owned())
    } else {
        Failure::Call(Status::internal(error.to_string()))
    }
}

/// The status of a stream that was reset; the mapping is the one of the gRPC specification.
fn reset(error: &h2::Error) -> Status {
    if error.is_library() && error.reason() == Some(Reason::PROTOCOL_ERROR) {
        // h2 has one error for both, and only the first happens to honest peers.
        return Status::resource_exhausted(format!(
            "the reply's list of headers is longer than {} bytes, or breaks HTTP/2",
            limits::HEADER_LIST
        ));
    }
    let code = match error.reason() {
        Some(Reason::REFUSED_STREAM) => Code::Unavailable,
        Some(Reason::CANCEL) => Code::Cancelled,
        Some(Reason::ENHANCE_YOUR_CALM) => Code::ResourceExhausted,
        Some(Reason::INADEQUATE_SECURITY) => Code::PermissionDenied,
        Some(Reason::HTTP_1_1_REQUIRED | Reason::STREAM_CLOSED) => Code::Unknown,
        _ => Code::Internal,
    };
    let mut status = Status::new(code, format!("the plugin reset the call: {error}"));
    if let Some(reason) = error.reason() {
        status.set_source(Arc::new(h2::Error::from(reason)));
    }
    status
}

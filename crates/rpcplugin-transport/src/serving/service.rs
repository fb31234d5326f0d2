use std::convert::Infallible;

use bytes::Bytes;
use tonic::body::Body;
use tower::{ServiceExt as _, util::BoxCloneSyncService};
use tower_service::Service;

/// One tonic service or several, as a layer sees them.
///
/// It never fails: what goes wrong in a call is in its response.
pub type RpcService = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Infallible>;

/// What `http_body` and tower call an error of any kind.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Gives every service one type.
pub fn boxed<S, B>(service: S) -> RpcService
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    // tonic's body unwraps itself, so an ordinary service pays nothing here.
    RpcService::new(service.map_response(|response: http::Response<B>| response.map(Body::new)))
}

use std::{collections::HashMap, fmt, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use rpcplugin_transport::serving::{
    Answer, Calls, Layers, Router, RpcService, boxed, framework_call, service_of, unknown,
};
use tonic::body::Body;

/// Answers the calls of the main connection: those of the user's services behind the user's
/// layers, the framework's without. Clones share everything.
#[derive(Clone)]
pub(crate) struct Dispatcher(Arc<Inner>);

struct Inner {
    framework: HashMap<&'static str, RpcService>,
    users: Router,
    /// All of the user's services behind the user's layers, so that a layer's state, such as a
    /// limit, holds for all of them together.
    layered: RpcService,
    calls: Calls,
}

impl Dispatcher {
    pub(crate) fn new(
        framework: Vec<(&'static str, RpcService)>,
        users: Vec<(&'static str, RpcService)>,
        layers: &Layers,
        calls: Calls,
    ) -> Self {
        let users = Router::new(users.into_iter().collect());
        let layered = layers.wrap(boxed(users.clone()));
        Self(Arc::new(Inner { framework: framework.into_iter().collect(), users, layered, calls }))
    }
}

impl Answer for Dispatcher {
    fn answer(&self, request: http::Request<Body>) -> BoxFuture<'static, http::Response<Body>> {
        let service = service_of(request.uri().path());
        if self.0.users.contains(service) {
            return self.0.calls.call(self.0.layered.clone(), request);
        }
        match self.0.framework.get(service) {
            Some(found) => framework_call(found.clone(), request),
            None => std::future::ready(unknown(service)).boxed(),
        }
    }
}

impl fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("users", &self.0.users).finish_non_exhaustive()
    }
}

//! The answering end of a connection: from an accepted socket to answered calls.
//!
//! It is to a listener what [`PluginChannel`](crate::PluginChannel) is to a connector. A plugin's
//! main connection and the side channels of both sides are all served by it.
//!
//! - [`Connections`]: proves, bounds and serves connections; [`Gate`]: what each must prove;
//!   [`Endings`]: how they end.
//! - [`Answer`]: what answers the calls of a connection. [`Calls`] surrounds each with the
//!   caller's deadline, limits and a guard against panics; [`InFlight`] counts them.
//! - [`RpcService`], [`boxed`], [`Router`], [`Layers`]: any tonic services, as one.

mod authority;
mod calls;
mod connections;
mod endings;
mod gate;
mod in_flight;
mod layers;
mod open;
mod pending;
mod preface;
mod router;
mod service;

#[cfg(any(test, fuzzing))]
pub(crate) use self::authority::mended;
pub use self::{
    calls::{Calls, framework_call},
    connections::{Answer, Connections},
    endings::Endings,
    gate::{Gate, admit_plaintext},
    in_flight::InFlight,
    layers::Layers,
    router::{Router, service_of, unknown},
    service::{BoxError, RpcService, boxed},
};

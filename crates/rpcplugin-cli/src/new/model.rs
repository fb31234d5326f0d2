//! What templates are filled with.

use serde::Serialize;

/// An interface: the services of the files that were named, and what their code needs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Interface {
    /// The files that were named, below `proto/`.
    pub(super) files: Vec<String>,
    pub(super) services: Vec<Service>,
    /// Whether a method has a stream in either direction.
    pub(super) streams: bool,
    /// Whether a message of google.protobuf occurs that prost has types for.
    pub(super) well_known: bool,
    /// Whether a method takes or returns one that is a plain number in Rust.
    pub(super) primitives: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Service {
    /// `greeter.v1.Greeter`
    pub(super) full_name: String,
    /// Its file in the project, and the module: `greeter`. Unique among the services.
    pub(super) file: String,
    pub(super) module: String,
    /// What implements it: `GreeterService`.
    pub(super) implementation: String,
    /// The trait, the server and the client of tonic: `proto::greeter::v1::greeter_server::…`.
    pub(super) interface: String,
    pub(super) server: String,
    pub(super) client: String,
    pub(super) methods: Vec<Method>,
    pub(super) python: PythonService,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Method {
    /// `Greet`
    pub(super) name: String,
    /// `greet`, or `r#type`.
    pub(super) function: String,
    /// The types, as they are named from the crate's root, without `crate::`.
    pub(super) input: String,
    pub(super) output: String,
    /// The associated type of what it streams: `GreetStream`.
    pub(super) stream: String,
    pub(super) client_streaming: bool,
    pub(super) server_streaming: bool,
    pub(super) comments: Vec<String>,
}

/// As grpc_tools names things.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PythonService {
    /// `greeter.v1.greeter_pb2_grpc`
    pub(super) module: String,
    /// `Greeter`
    pub(super) name: String,
}

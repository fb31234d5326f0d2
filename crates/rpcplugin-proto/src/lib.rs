//! Messages and services on the wire between host and plugin.
//!
//! - [`plugin`]: go-plugin's control services, [`GRPCBroker`](plugin::grpc_broker_server),
//!   [`GRPCController`](plugin::grpc_controller_server), [`GRPCStdio`](plugin::grpc_stdio_server).
//! - [`health`]: gRPC's health protocol, which every plugin serves.
//! - `kv`, `counter`, `text`, `probe` and `provider` (feature `examples`): the services of the examples and of the tests.
//!
//! Each module has a client and a server side, generated for tonic, and its `FILE_DESCRIPTOR_SET`:
//! the encoded `google.protobuf.FileDescriptorSet`, imports included, as server reflection and
//! dynamic calls need it.
//!
//! **Invariant:** all code here is written by `cargo xtask codegen` from the files in `proto/`.
//! Nobody needs `protoc`, and there is no build script.
//!
//! # Example
//!
//! ```
//! use prost::Message as _;
//! use rpcplugin_proto::plugin::{StdioData, stdio_data::Channel};
//!
//! let piece = StdioData { channel: Channel::Stdout.into(), data: "hello\n".into() };
//! assert_eq!(piece.encode_to_vec(), b"\x08\x01\x12\x06hello\n");
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

/// Makes a module of one generated file and its descriptors.
macro_rules! generated {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[allow(
            missing_docs,
            clippy::all,
            clippy::exhaustive_enums,
            clippy::exhaustive_structs,
            reason = "generated code; its messages are as open as their .proto files"
        )]
        pub mod $name {
            include!(concat!("generated/", stringify!($name), ".rs"));

            /// The encoded descriptors of this module's file and of its imports.
            pub const FILE_DESCRIPTOR_SET: &[u8] =
                include_bytes!(concat!("generated/", stringify!($name), ".bin"));
        }
    };
}

generated! {
    /// go-plugin's control services: broker, controller, captured output.
    plugin
}

generated! {
    /// gRPC's health protocol, `grpc.health.v1`.
    health
}

generated! {
    /// The key-value service of the examples, the same on the wire as go-plugin's.
    #[cfg(feature = "examples")]
    #[cfg_attr(docsrs, doc(cfg(feature = "examples")))]
    kv
}

generated! {
    /// The counters of the example with callbacks, the same on the wire as go-plugin's.
    #[cfg(feature = "examples")]
    #[cfg_attr(docsrs, doc(cfg(feature = "examples")))]
    counter
}

generated! {
    /// The service of the tests: makes each behaviour of a plugin observable.
    ///
    /// Its messages are `google.protobuf` wrappers, here plain Rust values:
    /// `Vec<u8>`, `u32`, `String` and `()`.
    #[cfg(feature = "examples")]
    #[cfg_attr(docsrs, doc(cfg(feature = "examples")))]
    probe
}

generated! {
    /// The service of the streaming example: one method of each kind of call.
    #[cfg(feature = "examples")]
    #[cfg_attr(docsrs, doc(cfg(feature = "examples")))]
    text
}

generated! {
    /// The service of a provider of resources, with messages of every shape, of the tests of
    /// dynamic calls.
    #[cfg(feature = "examples")]
    #[cfg_attr(docsrs, doc(cfg(feature = "examples")))]
    provider
}

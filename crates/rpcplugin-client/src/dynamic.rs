//! Calls without generated code: a method by its name, parameters and replies as JSON.
//!
//! `schema` knows the methods, `source` where their descriptors come from, `reflection` how a
//! plugin is asked for them. `json` maps between JSON and messages, `call` makes the calls, `info`
//! describes methods to people.
//!
//! **Invariant:** no byte of a plugin's, be it a descriptor or a reply, panics the host, and what
//! is read of it is bounded in size, in number and in depth.

mod builder;
mod call;
mod client;
mod codec;
mod info;
mod json;
mod lookup;
mod options;
mod reflection;
mod replies;
mod requests;
mod schema;
mod service;
mod source;

pub(crate) use self::{builder::Given, schema::Schema, source::Source};
pub use self::{
    info::{CallKind, MethodInfo, ServiceInfo},
    json::parse_json,
    options::{CallOptions, Compression},
    replies::{Replies, Reply},
    service::Service,
};

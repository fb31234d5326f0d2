//! What there is to know of services and methods, for people and for programs.

use std::fmt;

use prost_reflect::{MethodDescriptor, ServiceDescriptor};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use serde_json::Value;

use super::{lookup, schema};

mod comments;
mod json_schema;
mod proto_text;

/// How a method is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallKind {
    /// One request, one reply: `call_method`.
    Unary,
    /// One request, many replies: `call_server_streaming`.
    ServerStreaming,
    /// Many requests, one reply: `call_client_streaming`.
    ClientStreaming,
    /// Many requests, many replies: `call_bidirectional`.
    Bidirectional,
}

impl CallKind {
    pub(super) fn of(method: &MethodDescriptor) -> Self {
        match (method.is_client_streaming(), method.is_server_streaming()) {
            (false, false) => Self::Unary,
            (false, true) => Self::ServerStreaming,
            (true, false) => Self::ClientStreaming,
            (true, true) => Self::Bidirectional,
        }
    }

    /// What such a method is, and the function that calls it.
    pub(super) const fn described(self) -> (&'static str, &'static str) {
        match self {
            Self::Unary => ("a unary method", "call_method"),
            Self::ServerStreaming => ("a server-streaming method", "call_server_streaming"),
            Self::ClientStreaming => ("a client-streaming method", "call_client_streaming"),
            Self::Bidirectional => ("a bidirectional method", "call_bidirectional"),
        }
    }
}

impl fmt::Display for CallKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unary => "unary",
            Self::ServerStreaming => "server streaming",
            Self::ClientStreaming => "client streaming",
            Self::Bidirectional => "bidirectional",
        })
    }
}

/// A service of a plugin; from [`Client::services`](crate::Client::services).
///
/// It serializes as `full_name`, `short_name`, `is_framework`, `comments` and `methods`.
#[derive(Clone)]
pub struct ServiceInfo {
    service: ServiceDescriptor,
}

impl ServiceInfo {
    pub(super) const fn new(service: ServiceDescriptor) -> Self {
        Self { service }
    }

    /// The name with its package, such as `kv.KV`.
    #[must_use]
    pub fn full_name(&self) -> &str {
        self.service.full_name()
    }

    /// The name without its package.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.service.name()
    }

    /// Whether it is one that every plugin has: health, reflection, broker, controller, captured
    /// output. Its methods must be named in full.
    #[must_use]
    pub fn is_framework(&self) -> bool {
        schema::is_framework(self.full_name())
    }

    /// The comment before it in its `.proto` file, if the descriptors have it.
    #[must_use]
    pub fn comments(&self) -> Option<String> {
        comments::of(&self.service.parent_file(), self.service.path())
    }

    /// Its methods, in the order of its `.proto` file.
    #[must_use]
    pub fn methods(&self) -> Vec<MethodInfo> {
        self.service.methods().map(MethodInfo::new).collect()
    }
}

impl Serialize for ServiceInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut service = serializer.serialize_struct("ServiceInfo", 5)?;
        service.serialize_field("full_name", self.full_name())?;
        service.serialize_field("short_name", self.short_name())?;
        service.serialize_field("is_framework", &self.is_framework())?;
        service.serialize_field("comments", &self.comments())?;
        service.serialize_field("methods", &self.methods())?;
        service.end()
    }
}

impl fmt::Debug for ServiceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServiceInfo").field(&self.full_name()).finish()
    }
}

/// A method of a plugin; from [`Client::methods`](crate::Client::methods) and
/// [`Client::describe`](crate::Client::describe).
///
/// It serializes as `full_name`, `service`, `short_name`, `kind`, `input`, `output` and
/// `comments`; the schemas are made when they are asked for.
#[derive(Clone)]
pub struct MethodInfo {
    method: MethodDescriptor,
    full_name: String,
}

impl MethodInfo {
    pub(super) fn new(method: MethodDescriptor) -> Self {
        Self { full_name: lookup::path(&method), method }
    }

    /// `package.Service/Method`.
    #[must_use]
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// The full name of its service.
    #[must_use]
    pub fn service(&self) -> &str {
        self.method.parent_service().full_name()
    }

    /// The name without its service.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.method.name()
    }

    /// How it is called.
    #[must_use]
    pub fn kind(&self) -> CallKind {
        CallKind::of(&self.method)
    }

    /// The full name of the request's type.
    #[must_use]
    pub fn input(&self) -> String {
        self.method.input().full_name().to_owned()
    }

    /// The full name of the reply's type.
    #[must_use]
    pub fn output(&self) -> String {
        self.method.output().full_name().to_owned()
    }

    /// The comment before it in its `.proto` file, if the descriptors have it.
    #[must_use]
    pub fn comments(&self) -> Option<String> {
        comments::of(&self.method.parent_service().parent_file(), self.method.path())
    }

    /// JSON Schema (draft 2020-12) of the request, with the fields' comments as descriptions.
    #[must_use]
    pub fn input_schema(&self) -> Value {
        json_schema::of(&self.method.input())
    }

    /// JSON Schema of the reply.
    #[must_use]
    pub fn output_schema(&self) -> Value {
        json_schema::of(&self.method.output())
    }

    /// The method and the types that it uses, as a `.proto` file has them. Types of
    /// `google.protobuf` are left out.
    #[must_use]
    pub fn proto_text(&self) -> String {
        proto_text::of(&self.method)
    }
}

impl Serialize for MethodInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut method = serializer.serialize_struct("MethodInfo", 7)?;
        method.serialize_field("full_name", self.full_name())?;
        method.serialize_field("service", self.service())?;
        method.serialize_field("short_name", self.short_name())?;
        method.serialize_field("kind", &self.kind())?;
        method.serialize_field("input", &self.input())?;
        method.serialize_field("output", &self.output())?;
        method.serialize_field("comments", &self.comments())?;
        method.end()
    }
}

impl fmt::Debug for MethodInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MethodInfo").field(&self.full_name).finish()
    }
}

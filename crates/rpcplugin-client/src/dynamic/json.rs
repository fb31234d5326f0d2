//! Between JSON and messages, as the JSON mapping of protobuf has it.
//!
//! `read` makes messages of JSON and `write` JSON of messages; `known` and `time` are about the
//! types of `google.protobuf` that look different, `number` and `scalar` about single values.

mod known;
mod number;
mod path;
mod read;
mod scalar;
mod strict;
#[cfg(test)]
mod tests;
mod time;
mod write;

pub use self::strict::parse_json;
pub(super) use self::{
    path::Segment,
    read::read,
    write::{Style, write},
};

/// How deep JSON and messages may be nested: protobuf's own limit for messages.
const DEEPEST: usize = 100;

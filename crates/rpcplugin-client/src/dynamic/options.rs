use std::time::Duration;

use rpcplugin_core::{Error, ProtocolError, escape_text};
use tonic::{
    Request,
    metadata::{AsciiMetadataKey, AsciiMetadataValue, BinaryMetadataKey, BinaryMetadataValue},
};

/// How one dynamic call is made.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpcplugin_client::CallOptions;
///
/// let options = CallOptions::new()
///     .metadata("request-id", "42")
///     .binary_metadata("trace-bin", [1, 2, 3])
///     .deadline(Duration::from_secs(5));
/// # drop(options);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct CallOptions {
    metadata: Vec<(String, Text)>,
    deadline: Option<Duration>,
    pub(super) compression: Compression,
    pub(super) allow_unknown_fields: bool,
    pub(super) default_values: bool,
    pub(super) for_rust: bool,
    max_decoding_message_size: Option<usize>,
}

/// How messages of one dynamic call are compressed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all; the default.
    #[default]
    None,
    /// The request is, with gzip, and the reply may be. The plugin must accept that.
    Gzip,
}

#[derive(Clone, Debug)]
enum Text {
    Ascii(String),
    Binary(Vec<u8>),
}

impl CallOptions {
    /// What calls do that are given none.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends this metadata along; several of one name are all sent. Names are made of lowercase
    /// letters, digits, `-`, `_` and `.`; values of visible ASCII and spaces.
    ///
    /// Names and values are looked at when the call is made.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((name.into(), Text::Ascii(value.into())));
        self
    }

    /// Sends this metadata along, whose name ends with `-bin`; the value may be any bytes.
    pub fn binary_metadata(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.metadata.push((name.into(), Text::Binary(value.into())));
        self
    }

    /// Ends the call after this time with `TRANSPORT_DEADLINE`, and tells the plugin of it. It
    /// counts from the call on, and for streams until their end. Default: the builder's
    /// [`request_timeout`](crate::Builder::request_timeout).
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// Compresses the request's messages, and lets the plugin compress the reply's. A plugin
    /// that does not know it ends the call with the status `UNIMPLEMENTED`.
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Whether fields and names of enum values that the request's type does not have are left
    /// out; default `false`: they are `PROTOCOL_INVALID_MESSAGE`.
    pub const fn allow_unknown_fields(mut self, allow: bool) -> Self {
        self.allow_unknown_fields = allow;
        self
    }

    /// Whether a reply also has those fields that stand at their default value and have no
    /// presence: `0`, `""`, `false`, `[]`, `{}`; default `false`, as the JSON mapping wants it.
    pub const fn default_values(mut self, show: bool) -> Self {
        self.default_values = show;
        self
    }

    /// Largest reply message in bytes; default 4 MiB, as generated clients have it. The builder's
    /// [`grpc_max_receive_message_size`](crate::Builder::grpc_max_receive_message_size) holds
    /// besides.
    ///
    /// As JSON a message takes up to a hundred times its size in memory, so raise it with care
    /// for a plugin that is not trusted.
    pub const fn max_decoding_message_size(mut self, bytes: usize) -> Self {
        self.max_decoding_message_size = Some(bytes);
        self
    }

    pub(super) const fn limit(&self) -> Option<Duration> {
        self.deadline
    }

    pub(super) const fn reply_size(&self) -> usize {
        match self.max_decoding_message_size {
            Some(bytes) => bytes,
            None => 4 * 1024 * 1024,
        }
    }

    /// What [`Client::call`](crate::Client::call) wants of replies: all fields, under the names
    /// of the `.proto` file, and numbers as numbers.
    pub(super) const fn for_rust(mut self) -> Self {
        self.for_rust = true;
        self.default_values = true;
        self
    }

    /// Gives the request its metadata.
    ///
    /// # Errors
    ///
    /// `PROTOCOL_INVALID_MESSAGE` for a name or value that cannot be sent.
    pub(super) fn equip<T>(&self, request: &mut Request<T>) -> Result<(), Error> {
        let metadata = request.metadata_mut();
        for (name, value) in &self.metadata {
            let refuse = |what: &str| ProtocolError::InvalidMessage {
                path: format!("metadata {}", escape_text(name)),
                detail: what.to_owned(),
                nearest: Vec::new(),
            };
            if name.starts_with("grpc-") || OURS.contains(&name.as_str()) {
                return Err(refuse("this name is gRPC's own").into());
            }
            match value {
                Text::Ascii(value) => {
                    let key = name.parse::<AsciiMetadataKey>().map_err(|_| {
                        refuse("not a name of metadata, or one of binary metadata, which ends with -bin")
                    })?;
                    let value = value
                        .parse::<AsciiMetadataValue>()
                        .map_err(|_| refuse("the value is not visible ASCII"))?;
                    metadata.append(key, value);
                }
                Text::Binary(value) => {
                    let key = name.parse::<BinaryMetadataKey>().map_err(|_| {
                        refuse("not a name of binary metadata, which ends with -bin")
                    })?;
                    metadata.append_bin(key, BinaryMetadataValue::from_bytes(value));
                }
            }
        }
        Ok(())
    }
}

/// Headers that are not the caller's.
const OURS: [&str; 4] = ["te", "content-type", "user-agent", "host"];

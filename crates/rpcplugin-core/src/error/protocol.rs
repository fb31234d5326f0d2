use super::{Facts, diagnosis, fatal, retryable};

/// A peer broke the rules of a protocol, or a call ended with a status.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The peer does not speak gRPC over HTTP/2.
    #[error("peer does not speak gRPC: {detail}")]
    PeerNotGrpc {
        /// What it did instead.
        detail: String,
    },
    /// A call ended with a gRPC status.
    #[error("call ended with status {name} ({status}): {message}")]
    Status {
        /// The status's number.
        status: i32,
        /// The status's name, such as `NOT_FOUND`.
        name: &'static str,
        /// The peer's message, escaped.
        message: String,
    },
    /// A reply is unreadable or incomplete.
    #[error("unreadable reply: {detail}")]
    BadReply {
        /// What is wrong with it.
        detail: String,
    },
    /// A size or count is over a limit.
    #[error("over a limit: {detail}")]
    Limit {
        /// Size, limit and the setting that raises it.
        detail: String,
    },
    /// A call was refused because there were too many.
    #[error("too many calls: {detail}")]
    RateLimited {
        /// The peer's message, escaped.
        detail: String,
    },
    /// A parameter of a dynamic call does not fit its type.
    #[error("{path}: {detail}")]
    InvalidMessage {
        /// Where it stands, such as `person.address[2].zip`, escaped.
        path: String,
        /// What was expected there, and what stands there instead.
        detail: String,
        /// Names that may have been meant.
        nearest: Vec<String>,
    },
    /// No service has this name.
    #[error("there is no service {service}")]
    UnknownService {
        /// The name as the caller gave it, escaped.
        service: String,
        /// The services there are; at most ten.
        known: Vec<String>,
    },
    /// No method has this name.
    #[error("there is no method {method}")]
    UnknownMethod {
        /// The name as the caller gave it, escaped.
        method: String,
        /// Full names that resemble it, or, where none does, all there are; at most ten.
        nearest: Vec<String>,
    },
    /// Several services have a method of this name.
    #[error("{method} is the name of several methods")]
    AmbiguousMethod {
        /// The name as the caller gave it, escaped.
        method: String,
        /// The full names of all of them.
        candidates: Vec<String>,
    },
    /// The method streams and the call does not, or the reverse.
    #[error("{method} is {kind}")]
    WrongCallKind {
        /// The method's full name.
        method: String,
        /// What it is, such as `a server-streaming method`.
        kind: &'static str,
        /// The function that calls such methods.
        function: &'static str,
    },
    /// Nothing describes the plugin's methods.
    #[error("nothing describes the plugin's methods: {detail}")]
    NoDescriptors {
        /// What was tried.
        detail: String,
    },
    /// The number of a side channel that nobody offers, or no longer.
    #[error("nobody offers side channel {id}")]
    BrokerUnknownId {
        /// The number.
        id: u32,
    },
    /// The peer offered a side channel again while the first offer was live. The first one stays.
    #[error("side channel {id} was offered twice")]
    BrokerDuplicate {
        /// The number.
        id: u32,
    },
    /// A message on the broker's stream means nothing.
    #[error("unreadable broker message: {detail}")]
    BrokerMessage {
        /// Its fields, escaped, and what is wrong with them.
        detail: String,
    },
    /// The peer offers side channels that nobody claims, and no more are kept.
    #[error("side channel {id} was turned away: {limit} offers wait to be claimed")]
    BrokerLimit {
        /// The number.
        id: u32,
        /// How many are kept.
        limit: usize,
    },
}

impl ProtocolError {
    /// gRPC's ABORTED, the one status that asks to be tried again.
    const ABORTED: i32 = 10;

    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::PeerNotGrpc { .. } => fatal(
                "PROTOCOL_PEER_NOT_GRPC",
                "the plugin must serve gRPC at the address that it announces",
            ),
            Self::Status { status: Self::ABORTED, .. } => {
                retryable("PROTOCOL_STATUS", "the plugin asks to try the whole operation again")
            }
            Self::Status { .. } => {
                fatal("PROTOCOL_STATUS", "the status is the plugin's own answer")
            }
            Self::BadReply { .. } => {
                fatal("PROTOCOL_BAD_REPLY", "are host and plugin built from one .proto file?")
            }
            Self::Limit { .. } => fatal(
                "PROTOCOL_LIMIT",
                "send less at once, or raise the limit on the side that refused: max_decoding_message_size \
                 of the generated client or service, grpc_max_receive_message_size or \
                 grpc_max_send_message_size of the builder",
            ),
            Self::RateLimited { .. } => {
                retryable("PROTOCOL_RATE_LIMITED", "try again after the given delay")
            }
            Self::InvalidMessage { nearest, .. } if nearest.is_empty() => fatal(
                "PROTOCOL_INVALID_MESSAGE",
                "parameters are JSON as protobuf maps it; `describe` tells the method's fields",
            ),
            Self::InvalidMessage { nearest, .. } => {
                fatal("PROTOCOL_INVALID_MESSAGE", did_you_mean(nearest))
            }
            Self::UnknownService { known, .. } if known.is_empty() => {
                fatal("PROTOCOL_UNKNOWN_SERVICE", "the descriptors have no services at all")
            }
            Self::UnknownService { known, .. } => {
                fatal("PROTOCOL_UNKNOWN_SERVICE", format!("there are: {}", known.join(", ")))
            }
            Self::UnknownMethod { nearest, .. } if nearest.is_empty() => {
                fatal("PROTOCOL_UNKNOWN_METHOD", "the descriptors have no methods at all")
            }
            Self::UnknownMethod { nearest, .. } => {
                fatal("PROTOCOL_UNKNOWN_METHOD", did_you_mean(nearest))
            }
            Self::AmbiguousMethod { candidates, .. } => {
                fatal("PROTOCOL_AMBIGUOUS_METHOD", format!("say which: {}", candidates.join(", ")))
            }
            Self::WrongCallKind { function, .. } => {
                fatal("PROTOCOL_WRONG_CALL_KIND", format!("call it with `{function}`"))
            }
            Self::NoDescriptors { .. } => fatal(
                "PROTOCOL_NO_DESCRIPTORS",
                "give the host's builder `descriptors(bytes)` or `proto_files(…)`, or give the \
                 plugin `descriptors(bytes)` and let it serve reflection",
            ),
            Self::BrokerUnknownId { .. } => fatal(
                "PROTOCOL_BROKER_UNKNOWN_ID",
                "who offers it? it is dialled before it is served, or after it was closed",
            ),
            Self::BrokerDuplicate { .. } => fatal(
                "PROTOCOL_BROKER_DUPLICATE",
                "each side numbers its side channels upwards and uses no number twice",
            ),
            Self::BrokerMessage { .. } => fatal(
                "PROTOCOL_BROKER_MESSAGE",
                "do both sides agree on multiplexing? the message was ignored",
            ),
            Self::BrokerLimit { .. } => retryable(
                "PROTOCOL_BROKER_LIMIT",
                "dial what the other side serves, let it serve less, or raise broker_max_pending (PLUGIN_BROKER_MAX_PENDING)",
            ),
        }
    }
}

/// The question after an unknown name.
fn did_you_mean(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("did you mean {one}?"),
        [firsts @ .., last] => format!("did you mean {} or {last}?", firsts.join(", ")),
    }
}

diagnosis!(ProtocolError);

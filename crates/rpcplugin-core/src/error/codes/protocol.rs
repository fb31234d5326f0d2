super::rows! { Protocol:
    "PROTOCOL_INVALID_MESSAGE", No,
    meaning: "A parameter of a dynamic call does not fit its type.",
    causes: [
        "A field is misspelt, or belongs to another message.",
        "A value is of another type, or out of its type's range.",
        "A field is given twice, or two of a `oneof` are.",
    ],
    remedy: "The message has the path of the field and what is expected there. `describe` of the method tells all fields; `docs/guide/dynamic-calls.md` tells how each type is written in JSON.";

    "PROTOCOL_UNKNOWN_SERVICE", No,
    meaning: "No service has this name.",
    causes: [
        "It is misspelt, or its package is missing.",
        "The plugin serves it in another version, or has no descriptors of it.",
    ],
    remedy: "Use one of the names that the hint lists.";

    "PROTOCOL_UNKNOWN_METHOD", No,
    meaning: "No method has this name.",
    causes: [
        "It is misspelt.",
        "It is a method of the framework (health, reflection, broker): these must be named in full.",
    ],
    remedy: "Use one of the names that the hint lists, or look with `methods`.";

    "PROTOCOL_AMBIGUOUS_METHOD", No,
    meaning: "Several services have a method of this name.",
    causes: ["The name is given without its service, or a service's without its package."],
    remedy: "Use one of the full names that the hint lists.";

    "PROTOCOL_WRONG_CALL_KIND", No,
    meaning: "The method streams and the call does not, or the reverse.",
    causes: ["A streaming method is called with `call_method`, or a unary one as a stream."],
    remedy: "Use the function that the hint names.";

    "PROTOCOL_NO_DESCRIPTORS", No,
    meaning: "A dynamic call needs descriptors, and neither the host has them nor does the plugin tell them.",
    causes: [
        "The plugin serves no reflection: most plugins of other languages do not.",
        "The plugin serves reflection over TLS only, and the connection is plaintext.",
        "The plugin reflects a service without being able to describe it.",
    ],
    remedy: "Give the host's builder `descriptors(bytes)` or `proto_files(…)`; or register descriptors in the plugin, so that it can serve reflection.";

    "PROTOCOL_PEER_NOT_GRPC", No,
    meaning: "The peer speaks something other than gRPC over HTTP/2.",
    causes: [
        "Another server answers at the address: plain HTTP/1, a database, a proxy.",
        "A proxy in between answers with a page of its own.",
    ],
    remedy: "Make the plugin serve gRPC at the address that it announces. The message has the content type or the first bytes that came instead.";

    "PROTOCOL_STATUS", ByStatus,
    meaning: "A call ended with a gRPC status.",
    causes: [
        "The method itself returned this status: it is the plugin's answer.",
        "`UNIMPLEMENTED`: the plugin does not serve this service or method, in the version that was agreed on.",
        "`UNKNOWN` or `INTERNAL`: the method panicked, and the plugin's log has the panic.",
    ],
    remedy: "Read status and message, and look at the plugin's log. `ABORTED` asks to try the whole operation again.";

    "PROTOCOL_BAD_REPLY", No,
    meaning: "A reply is unreadable or incomplete.",
    causes: [
        "Host and plugin were built from different `.proto` files.",
        "The reply ended without a status, or with trailers that are no gRPC.",
    ],
    remedy: "Build both from one `.proto` file, and give a changed interface a new application version.";

    "PROTOCOL_LIMIT", No,
    meaning: "A size or count is over a limit.",
    causes: [
        "A message is larger than the receiver accepts, or than the sender lets go.",
        "Headers or trailers are larger than they may be.",
        "A plugin refused for want of something, without saying when to try again.",
    ],
    remedy: "Send less at once, for example as a stream, or raise the limit on the side that refused: `grpc_max_receive_message_size` or `grpc_max_send_message_size`, and `max_decoding_message_size` of the generated code.";

    "PROTOCOL_RATE_LIMITED", Yes,
    meaning: "A call was refused because there were too many, and the plugin says when to try again.",
    causes: [
        "More calls arrive than the plugin allows in a time, or at once.",
    ],
    remedy: "Try again after the delay that the plugin gave (`grpc-retry-pushback-ms`, or `RetryInfo` in the details), or call less often.";

    "PROTOCOL_BROKER_UNKNOWN_ID", No,
    meaning: "The number of a side channel was never offered, or is closed.",
    causes: [
        "It is dialled before the other side serves it, or after that side closed it.",
        "The number was taken from an old message, or from another plugin.",
    ],
    remedy: "Serve first, send the number second, dial third; and keep what is served until the other side has dialled it.";

    "PROTOCOL_BROKER_DUPLICATE", No,
    meaning: "A side channel was offered again while the first offer was live. It is logged, and the first offer stays.",
    causes: [
        "The other side uses a number twice instead of asking for the next one.",
    ],
    remedy: "Take each number from `next_id()` of the side that serves, and use none twice.";

    "PROTOCOL_BROKER_MESSAGE", No,
    meaning: "A message of the broker is unreadable. It is logged and ignored.",
    causes: [
        "The two sides do not agree on multiplexing.",
        "The message names no address, or one of no valid form.",
    ],
    remedy: "Update the library of the other side. The message in the log shows the fields.";

    "PROTOCOL_BROKER_LIMIT", Yes,
    meaning: "The peer offers more side channels than anybody claims, and this one was turned away.",
    causes: [
        "The other side serves side channels that are never dialled.",
        "Side channels are served in bulk before the first one is dialled.",
    ],
    remedy: "Dial what the other side serves, let it serve less at once, or raise `broker_max_pending`.";
}

super::rows! { Transport:
    "TRANSPORT_INVALID_ENDPOINT", No,
    meaning: "An address given by the caller has no valid form.",
    causes: [
        "A TCP address is no IP literal with a port.",
        "A socket's path is relative, not UTF-8, or longer than the system allows.",
        "This platform has no sockets of that kind.",
    ],
    remedy: "Give an IP literal with a port, or an absolute path that fits a socket (107 bytes on Linux).";

    "TRANSPORT_BIND_FAILED", Yes,
    meaning: "No transport or port could be bound.",
    causes: [
        "Every port of the range is taken, or the one that was asked for is.",
        "The address is none of this machine's, or the port needs privileges.",
        "The directory for the socket vanished or is not writable.",
    ],
    remedy: "Free a port, or widen the range with `ports`. The message lists each attempt with the system's reason.";

    "TRANSPORT_STDOUT_CLOSED", No,
    meaning: "In the plugin: the handshake line could not be written.",
    causes: [
        "The host closed the pipe or died before the plugin was ready.",
        "The plugin was started with its stdout closed.",
        "A plugin serves twice in one process, and the first has taken stdout.",
    ],
    remedy: "Keep the plugin's stdout open until the host has the line.";

    "TRANSPORT_REFUSED", No,
    meaning: "Nobody listens at the address.",
    causes: [
        "The plugin has ended, and its socket was left behind.",
        "It prints its line before it listens, or listens elsewhere than it says: in another network namespace, for example.",
    ],
    remedy: "Look whether the plugin is alive. It must listen before it prints its line, at the address that it prints.";

    "TRANSPORT_NOT_FOUND", No,
    meaning: "The socket's file is gone.",
    causes: [
        "A cleaner of temporary files removed it.",
        "The plugin has ended and taken it away, or announces a path in another mount namespace.",
    ],
    remedy: "Exempt the directory from cleaning, or set another one with `unix_socket_dir`. Start the plugin anew.";

    "TRANSPORT_DENIED", No,
    meaning: "The socket is not ours to open.",
    causes: [
        "Host and plugin run as different users, and share no group for sockets.",
        "A directory on the way may not be searched by this user.",
    ],
    remedy: "Run both as one user, or let them share a group with `unix_socket_group`. The message has owner and mode, where they are known.";

    "TRANSPORT_CONNECT_TIMEOUT", Yes,
    meaning: "No answering connection came about in time.",
    causes: [
        "The plugin listens and does not accept, or accepts and does not answer: it hangs, or is stopped.",
        "The plugin waits for TLS that the host does not begin, or the reverse.",
        "The machine is so loaded that it takes longer.",
    ],
    remedy: "The message says how far it came: connecting, TLS, or the first answer. Raise `connection_timeout` or `channel_ready_timeout` only if the plugin is merely slow.";

    "TRANSPORT_DISCONNECTED", Yes,
    meaning: "The connection was lost; the process lives, as far as anybody knows.",
    causes: [
        "The plugin closed the connection, or broke the rules of HTTP/2 or TLS on it.",
        "Something between the two cut it.",
    ],
    remedy: "Calls in flight are lost, new ones connect again where that is possible. If it repeats, look at the plugin's log.";

    "TRANSPORT_PLUGIN_GONE", Yes,
    meaning: "The plugin's process ended with calls in flight.",
    causes: [
        "It crashed, or called `exit`.",
        "The system killed it for its memory, or one of its limits ended it.",
        "Somebody killed it.",
    ],
    remedy: "The crash report has exit code or signal, the limit that ended it if one did, and the last lines of stderr. Start another plugin.";

    "TRANSPORT_DEADLINE", Yes,
    meaning: "A deadline passed, or the peer stopped answering.",
    causes: [
        "The method takes longer than the caller allows.",
        "The plugin hangs, or is stopped: it no longer answers probes.",
        "At the end of a plugin, calls were still in progress after the time of grace.",
    ],
    remedy: "The message names the deadline and who set it. Allow more time, ask for less, or look what the plugin waits for.";

    "TRANSPORT_RESOURCES", Yes,
    meaning: "No descriptor or memory is left, or 256 connections that this side opened are multiplexed.",
    causes: [
        "The process has as many files open as it may, or the system as a whole has.",
        "Side channels are dialled and never closed.",
    ],
    remedy: "Close something, or raise the limit on open files (`ulimit -n`).";

    "TRANSPORT_BROKER_TIMEOUT", Yes,
    meaning: "Nobody offered this side channel in time.",
    causes: [
        "The other side has not served it yet, or has failed before it could.",
        "The number is one that the other side never uses.",
    ],
    remedy: "The other side must serve the number, and keep what it serves open until it is dialled. Raise `broker_timeout` if it is only slow.";

    "TRANSPORT_BROKER_UNAVAILABLE", No,
    meaning: "No stream of the broker is open between host and plugin.",
    causes: [
        "The other side's library has no broker, or does not serve it.",
        "The host never opened its stream, or the connection is down.",
        "The plugin was attached to, or listens where side channels are not possible.",
    ],
    remedy: "Use a host and a plugin that support the broker, and use it while the connection is up. The message says what is missing, and on which side.";

    "TRANSPORT_REATTACH_IN_USE", Yes,
    meaning: "Another host holds the plugin that is to be attached.",
    causes: [
        "The host that started it, or another one that attached, still runs.",
        "A host holds it twice.",
    ],
    remedy: "One host at a time holds a plugin: wait until the process that the message names has let go, or stop it.";

    "TRANSPORT_SHUT_DOWN", No,
    meaning: "A handle was used after the plugin was shut down, or after its last `Client` was dropped.",
    causes: [
        "A channel or a generated client outlived the `Client`, whose end stops the plugin.",
        "Another part of the program called `shutdown` or `kill`.",
    ],
    remedy: "Keep a `Client` for as long as calls are made; start another plugin.";
}

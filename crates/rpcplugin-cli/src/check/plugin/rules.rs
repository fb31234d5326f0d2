//! The rules for plugins, in the order of reports.

use crate::check::rule::rules;

rules! {
    // Launched by hand, or by the wrong host.
    COOKIE_ABSENT "cookie-absent" Must "Launch"
        "without the cookie it ends, and prints no line"
        "compare the cookie before anything else, and exit if it is absent";
    COOKIE_WRONG "cookie-wrong" Must "Launch"
        "with another cookie it ends, and prints no line"
        "compare the whole value of the cookie, not its presence";
    COOKIE_EXIT_CODE "cookie-exit-code" Should "Launch"
        "without the cookie it exits with 1"
        "exit with 1, so that scripts notice";
    COOKIE_MESSAGE "cookie-message" Should "Launch"
        "without the cookie it says on stderr what it is"
        "print a sentence on stderr: this is a plugin, and is not started by hand";
    COOKIE_UNSAID "cookie-unsaid" Must "Launch"
        "the cookie's value appears neither on stdout nor on stderr"
        "never log the environment or the cookie";

    // The line, byte by byte.
    LINE_PRINTED "line-printed" Must "The line"
        "it prints a line in time"
        "print the line once the listener accepts connections, and flush stdout";
    LINE_NEWLINE "line-newline" Must "The line"
        "the line ends in a newline"
        "end the line in LF, and flush it";
    LINE_FIRST "line-first" Must "The line"
        "nothing stands on stdout before the line"
        "print banners and logs on stderr";
    LINE_BYTES "line-bytes" Must "The line"
        "the line is UTF-8, without byte-order mark, control characters and spaces in its fields"
        "write the fields as they are, joined by |";
    LINE_LENGTH "line-length" Must "The line"
        "the line is at most 16 KiB long"
        "print one certificate, not a chain";
    LINE_FIELDS "line-fields" Must "The line"
        "the line has six fields"
        "print six fields always; the sixth is empty without TLS";
    LINE_CORE_VERSION "line-core-version" Must "The line"
        "the core version is 1"
        "print 1 as the first field";
    LINE_APP_VERSION "line-app-version" Must "Versions"
        "the application version is one that the host offered"
        "choose from PLUGIN_PROTOCOL_VERSIONS; if this plugin serves none of those that were offered, name its own with --versions";
    LINE_NETWORK "line-network" Must "The line"
        "the network is unix or tcp"
        "print unix or tcp, in lower case";
    LINE_ADDRESS "line-address" Must "The line"
        "the address is an absolute path, or IP:port"
        "print the socket's absolute path, or the IP address and port of the listener";
    LINE_PROTOCOL "line-protocol" Must "The line"
        "the protocol is grpc"
        "serve gRPC, and print grpc as the fifth field; net/rpc is not spoken";
    LINE_CERT_UNASKED "line-cert-unasked" Must "The line"
        "the sixth field is empty if the host sent no certificate"
        "leave the field empty without PLUGIN_CLIENT_CERT: a certificate there crashes go-plugin hosts";
    LINE_MUX_UNASKED "line-mux-unasked" Must "The line"
        "there is no seventh field if the host did not ask for multiplexing"
        "print it only if PLUGIN_MULTIPLEX_GRPC is set";
    STDOUT_QUIET "stdout-quiet" Must "The line"
        "nothing follows the line on stdout"
        "take stdout away from the rest of the program: hosts may not read it";

    // Which version is served.
    VERSION_OFFERED "version-offered" Must "Versions"
        "offered its version among strange ones, it takes its own"
        "take the highest version of both lists, in whatever order they come";
    VERSION_HIGHEST "version-highest" Must "Versions"
        "of several common versions it takes the highest"
        "take the highest version of both lists";
    VERSION_ABSENT "version-absent" Should "Versions"
        "without a list it serves its lowest version"
        "take the lowest version if PLUGIN_PROTOCOL_VERSIONS is absent: old hosts do not set it";
    VERSION_NONE "version-none" Should "Versions"
        "without a common version it names its lowest, and does not claim one that was offered"
        "print the lowest version of the plugin, so that the host can tell its user which to update";
    VERSION_JUNK "version-junk" Should "Versions"
        "what is no number in the list of versions is skipped"
        "skip the items that are no numbers";

    // Where it listens.
    ADDRESS_ALLOWED "address-allowed" Must "Addresses"
        "it listens in the host's directory, or on loopback"
        "put sockets into PLUGIN_UNIX_SOCKET_DIR, or at least TMPDIR; bind TCP to 127.0.0.1 or ::1";
    SOCKET_DIRECTORY "socket-directory" Should "Launch"
        "sockets lie in PLUGIN_UNIX_SOCKET_DIR"
        "put sockets into that directory; TMPDIR is for plugins that do not know it";
    SOCKET_MODE "socket-mode" Must "Addresses"
        "nobody but its user can connect to the socket"
        "give the socket mode 0600, or 0660 with PLUGIN_UNIX_SOCKET_GROUP";
    LISTENER_OWNER "listener-owner" Must "Addresses"
        "the process behind the listener is the plugin or its descendant"
        "listen in the process that the host started, or in a child of it";
    LISTENING "listening" Must "The line"
        "it accepts connections once the line is printed"
        "listen first, then print the line";
    TRANSPORT_ASKED "transport-asked" Should "Launch"
        "it listens on TCP if the host asks for that"
        "take the first network of RPCPLUGIN_TRANSPORTS that is served";
    PORT_RANGE "port-range" Must "Launch"
        "its TCP port lies between PLUGIN_MIN_PORT and PLUGIN_MAX_PORT"
        "choose the port from that range";

    // TLS.
    CERT_ANNOUNCED "cert-announced" Must "TLS"
        "it announces a certificate if the host sent one"
        "serve TLS with a one-time certificate if PLUGIN_CLIENT_CERT is set";
    CERT_BASE64 "cert-base64" Must "The line"
        "the certificate is base64 of the standard alphabet, without padding"
        "encode the DER in unpadded standard base64: go-plugin hosts cannot read padding";
    CERT_DER "cert-der" Must "TLS"
        "the sixth field is exactly one X.509 certificate in DER"
        "encode the DER of the one certificate, not its PEM and not a chain";
    CERT_VALID "cert-valid" Must "TLS"
        "the certificate is valid now"
        "let it begin a little before now: clocks differ";
    CERT_NAME "cert-name" Must "TLS"
        "the certificate is for the name localhost"
        "add the DNS name localhost: go-plugin, OpenSSL and BoringSSL hosts check it";
    CERT_USAGE "cert-usage" Must "TLS"
        "the certificate may be used by servers"
        "add server authentication to the extended key usage, and client authentication for side channels";
    CERT_KEY "cert-key" Must "TLS"
        "its key is P-256, P-384, P-521, Ed25519, or RSA of 2048 bits or more"
        "make a P-256 key: every known host verifies it";
    CERT_FRESH "cert-fresh" Should "TLS"
        "each start has a certificate of its own"
        "make key and certificate anew at each start, in memory";
    TLS_PINNED "tls-pinned" Must "TLS"
        "it presents the certificate of the line, and proves that it holds its key"
        "serve with the certificate that the line announces";
    TLS_ALPN "tls-alpn" Must "TLS"
        "it selects the protocol h2"
        "offer h2 by ALPN: gRPC libraries close connections without it";
    TLS_12 "tls-1.2" Must "TLS"
        "it speaks TLS 1.2"
        "accept TLS 1.2 beside 1.3";
    TLS_13 "tls-1.3" Should "TLS"
        "it speaks TLS 1.3"
        "accept TLS 1.3";
    TLS_OLD "tls-old" Must "TLS"
        "it refuses TLS 1.1"
        "accept nothing below TLS 1.2";
    TLS_NO_CERTIFICATE "tls-no-certificate" Must "TLS"
        "it refuses a client without certificate"
        "require the certificate of PLUGIN_CLIENT_CERT from each client";
    TLS_STRANGER "tls-stranger" Must "TLS"
        "it refuses a client with another certificate"
        "accept exactly the certificate of PLUGIN_CLIENT_CERT";
    TLS_PLAINTEXT "tls-plaintext" Must "TLS"
        "under TLS it does not answer in plaintext"
        "serve TLS alone on that listener";
    TLS_UNREADABLE "tls-unreadable" Must "TLS"
        "a host's certificate that it cannot read does not make it serve plaintext"
        "exit with 1 if PLUGIN_CLIENT_CERT is unreadable";

    // Services.
    HEALTH "health" Must "Services"
        "the health service says SERVING for plugin"
        "serve grpc.health.v1.Health, and set the name plugin to SERVING before the line";
    HEALTH_EMPTY "health-empty" Should "Services"
        "the health service says SERVING for the empty name"
        "set the empty name to SERVING";
    HEALTH_UNKNOWN "health-unknown" Should "Services"
        "the health service says NOT_FOUND for a name that it does not know"
        "answer names that are not served with NOT_FOUND";
    HEALTH_WATCH "health-watch" Should "Services"
        "Watch tells the status, and stays open"
        "serve Watch, so that hosts need not ask again and again";
    REFLECTION "reflection" Should "Services"
        "reflection is served in both of its versions, under TLS"
        "serve grpc.reflection.v1 and v1alpha: tools can then call the plugin without its .proto files";
    STDIO "stdio" Should "Services"
        "the stdio service is there, and its stream stays open"
        "serve plugin.GRPCStdio, and end StreamStdio at shutdown only";
    STDIO_AGAIN "stdio-again" Should "Services"
        "after a stream of stdio has ended, a new one works"
        "keep output for the next reader";
    BROKER "broker" Should "Side channels"
        "the broker is there, and its stream stays open"
        "serve plugin.GRPCBroker, and keep StartStream open";
    BROKER_STRAY "broker-stray" Must "Side channels"
        "an announcement that nobody waits for does no harm"
        "keep announcements until they are asked for, up to a bound";
    BROKER_AGAIN "broker-again" Should "Side channels"
        "after the broker's stream has ended, a new one works"
        "let each StartStream replace the one before: hosts reconnect";
    UNKNOWN_METHOD "unknown-method" Must "Services"
        "a method that is not served is UNIMPLEMENTED"
        "answer unknown paths with gRPC status 12";

    // Connections and calls.
    CONNECTIONS "connections" Must "Connections"
        "a second connection is served beside the first"
        "accept connections for as long as the plugin runs";
    CONNECT_AND_CLOSE "connect-and-close" Must "Connections"
        "connections that close without a byte do no harm"
        "go on accepting: hosts probe so";
    CONCURRENT "concurrent" Must "Connections"
        "many calls are answered at the same time"
        "serve each call by itself";
    GARBAGE "garbage" Must "Connections"
        "bytes that are no HTTP/2 do no harm"
        "close that connection, and go on";
    SILENT_CLIENT "silent-client" Must "Connections"
        "a client that stays silent keeps nobody waiting"
        "handle each connection beside the accept loop, not in it";
    MESSAGE_LIMIT "message-limit" Must "Connections"
        "a message that announces 1 GiB does no harm"
        "refuse it by its length with RESOURCE_EXHAUSTED, before memory is taken";
    PINGS "pings" Should "Connections"
        "HTTP/2 pings are answered at any rate"
        "do not close connections for their pings: some hosts ping every few seconds";

    // Standard streams.
    STDIN_EOF "stdin-eof" Must "Launch"
        "it serves although stdin is at its end"
        "do not read stdin, except as a lifeline that RPCPLUGIN_LIFELINE names";
    STDERR_FORM "stderr-form" Must "Logs"
        "JSON on stderr has text for @level, @message and @timestamp"
        "write these three as strings: other types crash go-plugin hosts";
    STDERR_LENGTH "stderr-length" Should "Logs"
        "lines on stderr are at most 64 KiB long"
        "cut long log messages";

    // One connection for everything.
    MUX_ANSWER "mux-answer" Should "One connection"
        "asked for multiplexing, it says true or false in a seventh field"
        "print the seventh field if PLUGIN_MULTIPLEX_GRPC is set";
    MUX_SESSION "mux-session" Must "One connection"
        "if it says true, it answers gRPC on the first stream of a yamux session"
        "serve one yamux session, or say false";

    // The end.
    SHUTDOWN "shutdown" Should "Shutdown"
        "the controller's Shutdown is there"
        "serve plugin.GRPCController: without it each stop costs the whole grace period";
    SHUTDOWN_ANSWER "shutdown-answer" Should "Shutdown"
        "Shutdown is answered before the plugin ends"
        "answer first, then stop";
    SHUTDOWN_ENDS "shutdown-ends" Must "Shutdown"
        "Shutdown ends it within the grace period of 2 s"
        "stop serving, and leave: hosts kill what stays longer";
    SHUTDOWN_EXIT_CODE "shutdown-exit-code" Should "Shutdown"
        "after Shutdown it exits with 0"
        "exit with 0, so that it does not look like a crash";
    SHUTDOWN_FILES "shutdown-files" Should "Shutdown"
        "after Shutdown its sockets and files are gone"
        "unlink sockets before the exit";
    LEFTOVERS "leftovers" Must "Shutdown"
        "no process is left behind"
        "end and reap child processes before the exit";
    SIGINT "sigint" Must "Signals"
        "it ignores SIGINT"
        "ignore SIGINT: a terminal's Ctrl-C reaches plugins of go-plugin hosts, which end them by Shutdown";
    SIGTERM "sigterm" Must "Signals"
        "SIGTERM ends it within 2 s"
        "end at SIGTERM";
    SIGTERM_EXIT_CODE "sigterm-exit-code" Should "Signals"
        "after SIGTERM it exits with 0"
        "handle SIGTERM as Shutdown";
    SIGTERM_FILES "sigterm-files" Should "Signals"
        "after SIGTERM its sockets and files are gone"
        "handle SIGTERM as Shutdown";
    LIFELINE "lifeline" Should "Signals"
        "it ends when the lifeline on stdin does"
        "with RPCPLUGIN_LIFELINE=stdin, end when stdin is at its end";
    HOST_DEATH "host-death" Should "Signals"
        "it ends within 2 s after the process that started it"
        "watch the parent's pid, and end when it changes";
}

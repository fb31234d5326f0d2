super::rows! { Handshake:
    "HANDSHAKE_SPAWN_NOT_FOUND", No,
    meaning: "There is no executable, interpreter or working directory of that name.",
    causes: [
        "The path is misspelt or relative to another directory; a bare name is in none of the directories of `PATH`.",
        "The interpreter that the script's first line or the program's ELF header names is not installed, as with a glibc program in a musl container.",
        "The directory given to `Command::current_dir` does not exist.",
    ],
    remedy: "The message says which of the three is missing, with its path as resolved. Install or create it, or correct the path.";

    "HANDSHAKE_SPAWN_DENIED", No,
    meaning: "The program may not be executed, or is a directory.",
    causes: [
        "The file lacks the right to execute for this user.",
        "A directory on the way may not be searched.",
        "The filesystem is mounted `noexec`.",
    ],
    remedy: "The message has type, mode and owner of what stands in the way. `chmod +x` the file, or move it to a place from where programs may run.";

    "HANDSHAKE_SPAWN_FORMAT", No,
    meaning: "The program is none that this machine can run.",
    causes: [
        "It was built for another processor or operating system.",
        "It is a script without a `#!` line, an empty file, or a truncated download.",
    ],
    remedy: "Build the plugin for this machine, or give a script its `#!` line. The message says what was found and what is needed.";

    "HANDSHAKE_SPAWN_ARGS_TOO_LONG", No,
    meaning: "Arguments and environment are over the limit of the system.",
    causes: [
        "A large value is passed as an argument or in the environment; on Linux a single one may have 128 KiB.",
        "The host passes the whole of a large environment.",
    ],
    remedy: "Pass large values in a file or over a call, and pass only the variables that the plugin needs.";

    "HANDSHAKE_SPAWN_RESOURCES", Yes,
    meaning: "No process, descriptor or memory is left.",
    causes: [
        "The user, the container or the control group is at its limit of processes or threads.",
        "The host has as many files open as it may, or the system as a whole has.",
        "The system is out of memory.",
    ],
    remedy: "Stop something, or raise the limit (`ulimit -u`, `ulimit -n`, `pids.max`). The cause below the message is the system's own and tells which limit it was.";

    "HANDSHAKE_SPAWN_FAILED", No,
    meaning: "The system refuses the start for any other reason.",
    causes: [
        "The program is being written to at this moment (`Text file busy`).",
        "A security module or a sandbox forbids it.",
    ],
    remedy: "Read the cause below the message, which is the system's own.";

    "HANDSHAKE_PLUGIN_EXITED", No,
    meaning: "The plugin ended before it was ready.",
    causes: [
        "The plugin found its configuration or its surroundings wrong, and said so on stderr.",
        "It is no plugin of this host: the magic cookies differ.",
        "It crashed, lacks a shared library, or was killed: by the system for its memory, by a limit, or by a person.",
        "Its `main` returned without awaiting `Server::run`.",
    ],
    remedy: "The plugin's own reason is in the message, its hint in the hint, and its last lines in the crash report. If it said nothing, start it by hand, and look at the system's log.";

    "HANDSHAKE_TIMEOUT", Yes,
    meaning: "No complete handshake line came in time.",
    causes: [
        "The program is none, or waits for something before it serves: input, a lock, a network.",
        "It prints its line into a buffer and does not flush it.",
        "The machine is so loaded that the start takes longer.",
    ],
    remedy: "The crash report shows what was read on stdout and stderr. Raise `handshake_timeout` (and `start_timeout`, which bounds the whole) only if the plugin is merely slow.";

    "HANDSHAKE_NOT_LAUNCHED", No,
    meaning: "In the plugin: the cookie is absent or different.",
    causes: [
        "Somebody started the plugin by hand.",
        "Host and plugin were built with different cookies.",
    ],
    remedy: "Start the plugin through its host, and give both the same magic cookie.";

    "HANDSHAKE_NOT_A_HANDSHAKE", No,
    meaning: "The first line on stdout is something else.",
    causes: [
        "The plugin, a library of its or a wrapper script prints before the handshake.",
        "The program is no plugin.",
    ],
    remedy: "Print to stderr instead: stdout is the wire. Where that cannot be changed, `lenient_banner(true)` skips what comes before the line.";

    "HANDSHAKE_LINE_TOO_LONG", No,
    meaning: "The first line goes on for more than 16 KiB.",
    causes: [
        "The program is no plugin, and prints binary data or one endless line.",
        "The announced certificate is no single certificate but a long chain.",
    ],
    remedy: "Make sure that the program is the plugin. Its line has the form `1|version|network|address|grpc|certificate` and ends with a newline.";

    "HANDSHAKE_LINE_NOT_UTF8", No,
    meaning: "The first line is not text.",
    causes: [
        "The program is no plugin, and prints binary data.",
        "A wrapper prints a message in another encoding than UTF-8.",
    ],
    remedy: "Make sure that the program is the plugin, and that nothing else prints to stdout before it.";

    "HANDSHAKE_FIELD_COUNT", No,
    meaning: "The line begins like a handshake and has fewer than four fields.",
    causes: [
        "The plugin writes the line by itself, and not completely.",
        "A newline stands in the middle of the line.",
    ],
    remedy: "Print `1|version|network|address|grpc|certificate` in one piece; the last field may be empty.";

    "HANDSHAKE_CORE_VERSION", No,
    meaning: "The core version on the line is not 1.",
    causes: [
        "The plugin was built for another framework, or for a future version of this protocol.",
    ],
    remedy: "Build the plugin with a library that speaks core protocol 1.";

    "HANDSHAKE_VERSION_MISMATCH", No,
    meaning: "Host and plugin have no application version in common.",
    causes: [
        "One of the two is older than the other by a change of their common interface.",
        "The plugin does not look at the versions that the host announces, and always takes its own.",
    ],
    remedy: "The message has both sides' versions. Update the older of the two, or let one of them serve or accept both.";

    "HANDSHAKE_TRANSPORT_MISMATCH", No,
    meaning: "The plugin listens on a network that the host did not announce.",
    causes: [
        "The host allows only Unix sockets or only TCP, and the plugin can or does use the other.",
        "The plugin does not know the host's list, and takes what its library prefers.",
    ],
    remedy: "Allow the plugin's network with `transports([…])` on the host, or set another one in the plugin.";

    "HANDSHAKE_PROTOCOL_UNSUPPORTED", No,
    meaning: "The plugin speaks `netrpc`, or something unknown.",
    causes: [
        "A plugin of go-plugin serves net/rpc: its `ServeConfig` has no `GRPCServer`.",
        "The line lacks its fifth field, which means net/rpc.",
    ],
    remedy: "Build the plugin with gRPC: with go-plugin, set `GRPCServer: plugin.DefaultGRPCServer`. The net/rpc mode is not spoken here.";

    "HANDSHAKE_ADDRESS", No,
    meaning: "The announced address has no valid form.",
    causes: [
        "A TCP address has a name instead of an IP literal, or no port or port 0.",
        "A socket's path is relative, empty, or longer than the system allows.",
        "The network field is neither `unix` nor `tcp`.",
    ],
    remedy: "Announce an absolute socket path, or an IP literal with a port. The message says what is wrong with this one.";

    "HANDSHAKE_MUX_UNSUPPORTED", No,
    meaning: "Multiplexing was asked for and not offered.",
    causes: [
        "The plugin's library is too old for multiplexing, or does not know it.",
        "The plugin is attached to, or runs in this process: then there is no multiplexing.",
    ],
    remedy: "Turn `multiplex_grpc` off on the host, or update the plugin.";
}

super::rows! { Config:
    "CONFIG_INVALID", No,
    meaning: "A setting has the wrong type, form or range.",
    causes: [
        "A number or time lies outside the range of its setting, or has another unit than it was written with.",
        "A word is none of those that the setting knows.",
        "A value in a manifest is of another type: a text where a list is expected.",
        "The program gave a builder a value that its option refuses.",
    ],
    remedy: "The message names the setting, the value and what is expected, and the hint where it was set. Correct it there, or remove it to get the default back.";

    "CONFIG_PORT_RANGE", No,
    meaning: "A port or port range is impossible.",
    causes: [
        "The lowest port is above the highest.",
        "A port is no number from 0 to 65535.",
        "One end of the range is 0 and the other is not.",
    ],
    remedy: "Give two ports from 0 to 65535, the lower one first; 0 for both lets the system choose.";

    "CONFIG_UNKNOWN_KEY", No,
    meaning: "A key in a file, or one that the program sets, is not known.",
    causes: [
        "The key is misspelt, or written in capitals.",
        "The key belongs to another section, or to another version of the library.",
    ],
    remedy: "Take the key that the hint names, or look it up in the table of settings. An unknown key is an error on purpose: a misspelt limit would otherwise be no limit.";

    "CONFIG_CONFLICT", No,
    meaning: "Two settings exclude each other, or one needs the other.",
    causes: [
        "Two layers (program, file, environment) each set one of the two.",
        "An option of a builder cannot hold together with another: a runner with checks of the program's file, or TCP alone without a network.",
    ],
    remedy: "The message names both, with their values and sources. Drop one of the two where it was set.";

    "CONFIG_FILE_NOT_FOUND", No,
    meaning: "A file that was named, or its directory, or a certificate's, is missing or cannot be read.",
    causes: [
        "The path is misspelt, or relative to another working directory.",
        "The user of this process may not read the file, or not search one of its directories.",
        "The file is no regular file, is not UTF-8, or is larger than 1 MiB.",
    ],
    remedy: "Create the file, or correct its path or permissions. The cause below the message is the system's own.";

    "CONFIG_FILE_SYNTAX", No,
    meaning: "A file does not parse, or has a key twice.",
    causes: [
        "A quote, bracket or comma is missing near the line and column of the message.",
        "The file's extension promises another format than its text has.",
    ],
    remedy: "Correct the line that the message names. The format follows from the file's extension.";

    "CONFIG_UNKNOWN_PROFILE", No,
    meaning: "A profile is chosen that nobody defined.",
    causes: [
        "The name of the profile is misspelt.",
        "The file that defines the profile is not among those that were read.",
    ],
    remedy: "Choose one of the profiles that the hint lists, or define this one.";

    "CONFIG_COOKIE", No,
    meaning: "The cookie's key or value is empty or unusable.",
    causes: [
        "Key or value is empty, or holds a NUL or another control character.",
        "The key contains `=`, or is the name of a setting or of a variable of the handshake.",
        "The program takes its cookie from the configuration, and nobody gave a value.",
    ],
    remedy: "Give host and plugin the same cookie, a key like a variable's name and a long random value: `MagicCookie::new(\"MY_APP_COOKIE\", \"…\")`, or `PLUGIN_MAGIC_COOKIE_VALUE` where the program takes it from the configuration.";

    "CONFIG_PROTOCOL_VERSIONS", No,
    meaning: "No application version is given, one twice, or one out of range.",
    causes: [
        "The list of versions is empty.",
        "A version stands in it twice, or is above 2147483647.",
        "A plugin registered no services at all, or two sets for one version.",
    ],
    remedy: "A host lists each version once with `versions([…])`, a plugin registers each once with `plugins(version, set)`.";

    "CONFIG_DUPLICATE_SERVICE", No,
    meaning: "A service is registered twice, or has a name that the framework serves.",
    causes: [
        "One `PluginSet` holds two services of the same full name.",
        "A service is called like one that comes with the server: health, controller, stdio, broker or reflection.",
    ],
    remedy: "Remove one of the two from the `PluginSet`, or rename the package of the service in its `.proto` file.";

    "CONFIG_ENV", No,
    meaning: "An entry for the child's environment is malformed, or is a variable of the handshake.",
    causes: [
        "A name is empty, or holds `=` or NUL.",
        "The program, `Command::env` or a list of variables to pass names a variable that belongs to the handshake, such as `PLUGIN_CLIENT_CERT`.",
    ],
    remedy: "Leave the variables of the handshake to the host; each has a builder option that sets it. Correct the other entries.";

    "CONFIG_SOCKET_DIR", No,
    meaning: "A directory for sockets is missing, full, not writable, foreign or too long.",
    causes: [
        "`XDG_RUNTIME_DIR`, `TMPDIR` or the directory that was configured does not exist, or belongs to another user.",
        "Its path is so long that a socket's name does not fit any more: the system allows 107 bytes for the whole.",
        "Its filesystem is full, out of inodes, or read-only.",
    ],
    remedy: "Name an existing directory of this user that is writable and has a short path, or repair the one that the message names.";

    "CONFIG_SOCKET_GROUP", No,
    meaning: "A group for sockets is unknown, or this process does not belong to it.",
    causes: [
        "The group's name is misspelt, or unknown on this machine or in this container.",
        "The process was started before its user was added to the group.",
    ],
    remedy: "Name a group that this process belongs to (`id` lists them), or its number. After a change of groups, start the process anew.";

    "CONFIG_NOT_BUILT", No,
    meaning: "A setting needs a feature that this build lacks.",
    causes: [
        "The program was built with `default-features = false`, or without the feature that the hint names.",
    ],
    remedy: "Enable the feature in Cargo.toml and build again, or drop the setting.";

    "CONFIG_NOT_RELOADABLE", No,
    meaning: "A setting changed that holds until the plugin starts again.",
    causes: [
        "A configuration was reloaded in which more than timeouts, levels and limits that may change had changed.",
        "A file or variable was removed, so that a setting fell back to its default.",
    ],
    remedy: "Leave the settings that the message names as they are, or start the plugin anew with them.";
}

//! What somebody may have meant.

use super::Setting;
use crate::env;

/// Names that settings of other or earlier frameworks have, and what is said of them.
const RETIRED: &[(&str, &str)] = &[
    (
        "PLUGIN_PROTOCOL_VERSIONS",
        "PLUGIN_HOST_PROTOCOL_VERSIONS is the host's setting; this one is a variable of the handshake",
    ),
    (
        "PLUGIN_CLIENT_CERT",
        "PLUGIN_HOST_CERT is the host's setting; this one is a variable of the handshake",
    ),
    (
        "PLUGIN_MULTIPLEX_GRPC",
        "PLUGIN_HOST_MULTIPLEX_GRPC is the host's setting; this one is a variable of the handshake",
    ),
    (
        "PLUGIN_MIN_PORT",
        "PLUGIN_HOST_MIN_PORT is the host's setting; this one is a variable of the handshake",
    ),
    (
        "PLUGIN_MAX_PORT",
        "PLUGIN_HOST_MAX_PORT is the host's setting; this one is a variable of the handshake",
    ),
    (
        "PLUGIN_UNIX_SOCKET_DIR",
        "PLUGIN_HOST_UNIX_SOCKET_DIR is the host's setting; this one is a variable of the handshake",
    ),
    (
        "PLUGIN_UNIX_SOCKET_GROUP",
        "PLUGIN_HOST_UNIX_SOCKET_GROUP is the host's setting; this one is a variable of the handshake",
    ),
    (
        "RPCPLUGIN_TRANSPORTS",
        "PLUGIN_CLIENT_TRANSPORTS is the host's setting; this one is a variable of the handshake",
    ),
    ("RPCPLUGIN_LIFELINE", "a variable of the handshake, which hosts set themselves"),
    ("PLUGIN_CLIENT_KEY", "PLUGIN_HOST_KEY replaces it"),
    ("PLUGIN_CLIENT_CERT_FILE", "PLUGIN_HOST_CERT replaces it; it takes a path, too"),
    ("PLUGIN_CLIENT_KEY_FILE", "PLUGIN_HOST_KEY replaces it; it takes a path, too"),
    ("PLUGIN_PROTOCOL_VERSION", "PLUGIN_HOST_PROTOCOL_VERSIONS says it, as a list"),
    ("PLUGIN_CORE_VERSION", "a constant of the wire, no setting"),
    (
        "PLUGIN_SUPPORTED_TRANSPORTS",
        "what is compiled in is no setting; PLUGIN_CLIENT_TRANSPORTS and PLUGIN_SERVER_TRANSPORTS narrow it",
    ),
    ("PLUGIN_CLIENT_RETRY_DELAY", "dropped: a second name for the first wait between retries"),
    (
        "PLUGIN_CLIENT_MAX_RETRY_DELAY",
        "dropped: a second name for the longest wait between retries",
    ),
    ("PLUGIN_TRANSPORT_BUFFER_SIZE", "dropped: HTTP/2 windows and the system size buffers"),
    ("PLUGIN_BUFFER_SIZE", "dropped: HTTP/2 windows and the system size buffers"),
    ("PLUGIN_CHUNK_SIZE", "dropped: HTTP/2 windows and the system size buffers"),
    ("PLUGIN_UI_ENABLED", "dropped: there is no user interface"),
    ("PLUGIN_SHOW_EMOJI_MATRIX", "dropped: logs hold no emoji"),
    ("PLUGIN_TIMEOUT_GRACEFUL_SHUTDOWN", "PLUGIN_GRPC_GRACE_PERIOD replaces it"),
    ("PLUGIN_EXIT_ON_STOP", "the choice between run and serve replaces it"),
    ("PYVIDER_CLIENT_CERT_CURVE", "PLUGIN_CERT_KEY_TYPE replaces it"),
    ("TEMP_DIR", "PLUGIN_HOST_UNIX_SOCKET_DIR replaces it"),
];

/// Farther away, it is a name of its own.
const CLOSE: usize = 3;

/// What to say of a key that nobody knows: what replaced it, or the nearest that there is.
pub(super) fn suggestion(key: &str) -> Option<String> {
    let upper = key.to_ascii_uppercase();
    if let Some((_, hint)) = RETIRED.iter().find(|(name, _)| *name == upper) {
        return Some(lower_if(key, hint));
    }
    let keys = Setting::ALL.iter().filter_map(|setting| setting.key());
    let near = keys.map(|known| (distance(&known, &upper.to_ascii_lowercase()), known));
    let (distance, nearest) = near.min()?;
    // With half of its letters changed, anything is like anything.
    (distance <= key.chars().count() / 2).then(|| format!("did you mean {nearest}?"))
}

/// A warning for a variable that nobody reads, if somebody may have meant it for us.
pub(super) fn warning(name: &str) -> Option<String> {
    if env::is_launch_variable(name) || Setting::from_variable(name).is_some() {
        return None;
    }
    if let Some((_, hint)) = RETIRED.iter().find(|(retired, _)| *retired == name) {
        return Some(format!("variable {name} is not read: {hint}"));
    }
    if !env::is_private(name.as_ref()) {
        return None;
    }
    let near = Setting::ALL.iter().map(|one| (distance(one.variable(), name), one.variable()));
    let (distance, nearest) = near.min()?;
    (distance <= CLOSE).then(|| {
        format!("variable {} is not read: did you mean {nearest}?", crate::escape_text(name))
    })
}

/// Keys of files are written small.
fn lower_if(key: &str, hint: &str) -> String {
    if key.contains(|c: char| c.is_ascii_uppercase()) {
        return hint.to_owned();
    }
    let lower = |word: &str| {
        let is_name = word.starts_with("PLUGIN_");
        if is_name { word.to_ascii_lowercase() } else { word.to_owned() }
    };
    hint.split(' ').map(lower).collect::<Vec<_>>().join(" ")
}

/// How many letters one must change, add or leave out, or swap with the next, from one to the
/// other.
fn distance(known: &str, given: &str) -> usize {
    /// Longer than any setting: what follows only costs time.
    const LONGEST: usize = 64;
    let given: String = given.chars().take(LONGEST).collect();
    strsim::osa_distance(known, &given)
}

/// Whether something is to be said of this variable although it begins like none of ours.
pub(super) fn is_retired(name: &str) -> bool {
    RETIRED.iter().any(|(retired, _)| *retired == name)
}

//! The variables that a host gives its plugin, and their reader.
//!
//! They are inputs of the plugin's side only: a host that is itself a plugin finds its *parent's*
//! variables in its environment and must not read them.

use std::ffi::{OsStr, OsString};

use crate::{Network, VersionSet};

mod ports;

pub use self::ports::PortRange;

/// The host's application versions.
pub const PROTOCOL_VERSIONS: &str = "PLUGIN_PROTOCOL_VERSIONS";
/// Lowest TCP port to listen on.
pub const MIN_PORT: &str = "PLUGIN_MIN_PORT";
/// Highest TCP port to listen on.
pub const MAX_PORT: &str = "PLUGIN_MAX_PORT";
/// The host's certificate, PEM.
pub const CLIENT_CERT: &str = "PLUGIN_CLIENT_CERT";
/// Whether the host wants its connections multiplexed.
pub const MULTIPLEX_GRPC: &str = "PLUGIN_MULTIPLEX_GRPC";
/// Directory for Unix sockets.
pub const UNIX_SOCKET_DIR: &str = "PLUGIN_UNIX_SOCKET_DIR";
/// Group that may connect to Unix sockets.
pub const UNIX_SOCKET_GROUP: &str = "PLUGIN_UNIX_SOCKET_GROUP";
/// How the plugin learns that its host is gone.
pub const LIFELINE: &str = "RPCPLUGIN_LIFELINE";
/// The host's networks in order of preference.
pub const TRANSPORTS: &str = "RPCPLUGIN_TRANSPORTS";

/// All of the above.
pub const LAUNCH_VARIABLES: [&str; 9] = [
    PROTOCOL_VERSIONS,
    MIN_PORT,
    MAX_PORT,
    CLIENT_CERT,
    MULTIPLEX_GRPC,
    UNIX_SOCKET_DIR,
    UNIX_SOCKET_GROUP,
    LIFELINE,
    TRANSPORTS,
];

/// Whether a host sets this variable itself, so that nobody else may.
#[must_use]
pub fn is_launch_variable(name: &str) -> bool {
    LAUNCH_VARIABLES.contains(&name)
}

/// Whether a process must keep this variable from its children, unless the application names it:
/// every `PLUGIN_…` and `RPCPLUGIN_…`.
#[must_use]
pub fn is_private(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"PLUGIN_") || name.starts_with(b"RPCPLUGIN_")
}

/// What a host told its plugin, read once at the plugin's start.
///
/// Empty values count as absent, as in go-plugin.
///
/// # Example
///
/// ```
/// use rpcplugin_core::{LaunchEnv, env};
///
/// let launch = LaunchEnv::read(|name| match name {
///     env::PROTOCOL_VERSIONS => Some("1,,x,2".into()),
///     _ => None,
/// });
/// assert_eq!(launch.versions.unwrap().to_vec(), [1, 2]);
/// assert_eq!(launch.warnings, [r#"PLUGIN_PROTOCOL_VERSIONS: skipped "", not a version"#,
///                              r#"PLUGIN_PROTOCOL_VERSIONS: skipped "x", not a version"#]);
/// assert!(launch.client_cert.is_none());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LaunchEnv {
    /// The host's versions; `None` if it sent no list.
    pub versions: Option<VersionSet>,
    /// Ports for TCP, as text: [`PortRange::parse`] reads them when a port is needed.
    pub ports: (Option<OsString>, Option<OsString>),
    /// The host's certificate as it came; unreadable text ends the start.
    pub client_cert: Option<OsString>,
    /// The host's wish as it came; `Some` even if it is not a boolean.
    pub multiplex: Option<OsString>,
    /// Where sockets must lie.
    pub socket_dir: Option<OsString>,
    /// Group name or number for sockets.
    pub socket_group: Option<OsString>,
    /// Whether end-of-file on stdin means that the host is gone.
    pub lifeline: bool,
    /// The host's networks in order of preference; `None` if it named none that is known.
    pub transports: Option<Vec<Network>>,
    /// What was skipped, and why, for the log: of each list the first eight items, and a count of
    /// the rest.
    pub warnings: Vec<String>,
}

impl LaunchEnv {
    /// Reads every variable once through `lookup`, usually [`std::env::var_os`].
    pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let mut warnings = Vec::new();
        Self {
            versions: lookup(PROTOCOL_VERSIONS).map(|list| versions(&list, &mut warnings)),
            ports: (lookup(MIN_PORT), lookup(MAX_PORT)),
            client_cert: lookup(CLIENT_CERT),
            multiplex: lookup(MULTIPLEX_GRPC),
            socket_dir: lookup(UNIX_SOCKET_DIR),
            socket_group: lookup(UNIX_SOCKET_GROUP),
            lifeline: lookup(LIFELINE).is_some_and(|value| value == "stdin"),
            transports: lookup(TRANSPORTS)
                .map(|list| transports(&list, &mut warnings))
                .filter(|list| !list.is_empty()),
            warnings,
        }
    }
}

impl LaunchEnv {
    /// What to answer to the host's wish for a multiplexed connection, in the seventh field of the
    /// line: `None` if it has none, `Some(false)` if it is unreadable.
    #[must_use]
    pub fn multiplexes(&self) -> Option<bool> {
        let wish = self.multiplex.as_deref()?;
        Some(wish.to_str().and_then(go_bool).unwrap_or(false))
    }
}

/// A boolean as Go's `strconv.ParseBool` reads it.
#[must_use]
pub fn go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn versions(list: &OsStr, warnings: &mut Vec<String>) -> VersionSet {
    items(list, PROTOCOL_VERSIONS, "a version", warnings, |item| {
        item.parse().ok().filter(|version| *version <= VersionSet::MAX)
    })
    .into_iter()
    .collect()
}

fn transports(list: &OsStr, warnings: &mut Vec<String>) -> Vec<Network> {
    items(list, TRANSPORTS, "a network of this version", warnings, |item| item.parse().ok())
}

fn items<T>(
    list: &OsStr,
    name: &str,
    what: &str,
    warnings: &mut Vec<String>,
    read: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    /// An environment may hold a hundred thousand commas.
    const SHOWN: usize = 8;
    let text = list.to_string_lossy();
    let mut found = Vec::new();
    let mut skipped = 0;
    for item in text.split(',').map(str::trim) {
        match read(item) {
            Some(value) => found.push(value),
            None => {
                if skipped < SHOWN {
                    warnings.push(format!("{name}: skipped {}, not {what}", shown(item)));
                }
                skipped += 1;
            }
        }
    }
    if skipped > SHOWN {
        warnings.push(format!("{name}: skipped {} more, not {what}", skipped - SHOWN));
    }
    found
}

/// The start of an item, quoted.
fn shown(item: &str) -> String {
    const LONGEST: usize = 64;
    match item.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &item[..end]),
        None => format!("{item:?}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_values_count_as_absent() {
        let launch = LaunchEnv::read(|_| Some(OsString::new()));
        assert!(
            launch.versions.is_none() && launch.client_cert.is_none() && launch.multiplex.is_none()
        );
        assert!(!launch.lifeline && launch.warnings.is_empty());
    }

    #[test]
    fn a_lifeline_of_another_kind_is_ignored() {
        assert!(!LaunchEnv::read(|name| (name == LIFELINE).then(|| "fd:3".into())).lifeline);
        assert!(LaunchEnv::read(|name| (name == LIFELINE).then(|| "stdin".into())).lifeline);
    }

    #[test]
    fn unknown_networks_are_skipped_with_a_warning() {
        let launch = LaunchEnv::read(|name| (name == TRANSPORTS).then(|| "vsock,tcp".into()));
        assert_eq!(launch.transports, Some(vec![Network::Tcp]));
        assert_eq!(launch.warnings.len(), 1);
    }

    #[test]
    fn a_list_of_nonsense_makes_few_and_short_warnings() {
        let list = format!("{},1", ["x".repeat(500).as_str(); 500].join(","));
        let launch =
            LaunchEnv::read(|name| (name == PROTOCOL_VERSIONS).then(|| list.clone().into()));
        assert_eq!(launch.versions.unwrap().to_vec(), [1]);
        assert_eq!(launch.warnings.len(), 9);
        assert!(launch.warnings.iter().all(|warning| warning.len() < 200));
        assert_eq!(
            launch.warnings.last().unwrap(),
            "PLUGIN_PROTOCOL_VERSIONS: skipped 492 more, not a version"
        );
    }

    proptest! {
        #[test]
        fn no_environment_panics_the_reader(value in prop::collection::vec(any::<u8>(), 0..200)) {
            #[cfg(unix)]
            let value: OsString = std::os::unix::ffi::OsStringExt::from_vec(value);
            #[cfg(not(unix))]
            let value: OsString = String::from_utf8_lossy(&value).into_owned().into();
            let launch = LaunchEnv::read(|_| Some(value.clone()));
            let _ = PortRange::parse(launch.ports.0.as_deref(), launch.ports.1.as_deref());
        }
    }
}

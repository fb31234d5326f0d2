//! A plugin's environment, composed from the host's, the caller's and the launch variables.
//!
//! **Invariant:** nothing here reads the process's environment; it is passed in. No variable that
//! was meant for this process as a plugin reaches its own plugins (`docs/wire-format.md`, Launch).

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

use rpcplugin_core::{ConfigError, config::Setting, env, escape};

mod names;
#[cfg(test)]
mod tests;

/// What a plugin gets of its host's environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct EnvironmentPolicy {
    /// Whether all of it is passed on, without loader and interpreter injection.
    pub(crate) inherit: bool,
    /// Further variables: exact names, or `PREFIX_*`.
    ///
    /// Variables that inject code (`LD_PRELOAD`) and the cookie are passed only by their exact
    /// names, and `PLUGIN_…` or `RPCPLUGIN_…` ones only by a pattern that starts so itself.
    pub(crate) allow: Vec<String>,
}

/// Puts a plugin's environment together, the last of equal names winning: what `policy` lets
/// through of `host_vars`, then `caller` (`None` removes), then `launch`. Sorted by name.
///
/// `own_cookie_keys` are the cookie variables under which this process was itself launched.
///
/// # Errors
///
/// `CONFIG_ENV` if a name is empty or holds `=` or NUL, a value holds NUL, or the caller sets, or
/// the policy names, a variable that the host sets itself.
pub(crate) fn compose(
    policy: &EnvironmentPolicy,
    host_vars: impl Iterator<Item = (OsString, OsString)>,
    own_cookie_keys: &[String],
    caller: &[(OsString, Option<OsString>)],
    launch: &[(OsString, OsString)],
) -> Result<Vec<(OsString, OsString)>, ConfigError> {
    let filter = Filter::new(policy, own_cookie_keys)?;
    let mut composed = Composed::default();
    for (name, value) in host_vars {
        // Windows keeps entries such as `=C:`; what cannot be passed is not the caller's fault.
        if check(&name, &value).is_ok() && filter.passes(&name) {
            composed.set(name, value);
        }
    }
    for (name, value) in caller {
        check(name, value.as_deref().unwrap_or_default())?;
        match value {
            // To remove one is harmless: its value for this plugin is set below all the same.
            None => composed.remove(name),
            Some(_) if is_launch_variable(name, launch) => {
                return Err(refuse(name, "the host sets it from its own settings"));
            }
            Some(value) => composed.set(name.clone(), value.clone()),
        }
    }
    for (name, value) in launch {
        check(name, value)?;
        composed.set(name.clone(), value.clone());
    }
    Ok(composed.0.into_values().collect())
}

/// Which of the host's variables a plugin gets.
struct Filter<'a> {
    policy: &'a EnvironmentPolicy,
    own_cookie_keys: &'a [String],
}

impl<'a> Filter<'a> {
    fn new(policy: &'a EnvironmentPolicy, own: &'a [String]) -> Result<Self, ConfigError> {
        for pattern in &policy.allow {
            let name = OsStr::new(pattern);
            let stem = pattern.strip_suffix('*').unwrap_or(pattern);
            if env::is_launch_variable(pattern) {
                return Err(refuse(name, "it belongs to the handshake and is made afresh"));
            }
            if is_secret(name) {
                return Err(refuse(
                    name,
                    "its value is a secret; a file can tell it to the plugin",
                ));
            }
            if stem.contains('*') {
                return Err(refuse(name, "a pattern is a name, or PREFIX_*"));
            }
            if !(stem.is_empty() && pattern == "*") {
                check(OsStr::new(stem), OsStr::new(""))?;
            }
        }
        Ok(Self { policy, own_cookie_keys: own })
    }

    fn passes(&self, name: &OsStr) -> bool {
        if is_launch_name(name) || is_secret(name) {
            return false;
        }
        if self.named(name) {
            return true;
        }
        if self.own_cookie_keys.iter().any(|key| same_name(name, OsStr::new(key)))
            || names::injects_code(name)
        {
            return false;
        }
        if env::is_private(name) || setting(name).is_some() {
            return self.matches(name, |prefix| env::is_private(OsStr::new(prefix)));
        }
        self.policy.inherit || names::is_basic(name) || self.matches(name, |_| true)
    }

    fn named(&self, name: &OsStr) -> bool {
        self.policy.allow.iter().any(|allowed| same_name(name, OsStr::new(allowed)))
    }

    fn matches(&self, name: &OsStr, counts: impl Fn(&str) -> bool) -> bool {
        self.policy
            .allow
            .iter()
            .filter_map(|pattern| pattern.strip_suffix('*'))
            .any(|prefix| counts(prefix) && names::starts_with(name, prefix))
    }
}

/// Names in order, each once.
#[derive(Default)]
struct Composed(BTreeMap<OsString, (OsString, OsString)>);

impl Composed {
    fn set(&mut self, name: OsString, value: OsString) {
        self.0.insert(key(&name), (name, value));
    }

    fn remove(&mut self, name: &OsStr) {
        self.0.remove(&key(name));
    }
}

/// What makes two names the same variable: Windows ignores their case.
fn key(name: &OsStr) -> OsString {
    if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() }
}

fn same_name(one: &OsStr, other: &OsStr) -> bool {
    if cfg!(windows) { one.eq_ignore_ascii_case(other) } else { one == other }
}

fn is_launch_name(name: &OsStr) -> bool {
    env::LAUNCH_VARIABLES.iter().any(|variable| same_name(name, OsStr::new(variable)))
}

fn setting(name: &OsStr) -> Option<Setting> {
    Setting::ALL.iter().copied().find(|one| same_name(name, OsStr::new(one.variable())))
}

/// Whether its value must be in no environment that is made here.
fn is_secret(name: &OsStr) -> bool {
    setting(name).is_some_and(Setting::is_secret)
}

/// Whether the caller must leave `name` alone. `TMPDIR` is set by the host too, but a caller may
/// give another for plugins that are started without ours.
fn is_launch_variable(name: &OsStr, launch: &[(OsString, OsString)]) -> bool {
    is_launch_name(name) || launch.iter().any(|(ours, _)| ours != "TMPDIR" && same_name(name, ours))
}

fn check(name: &OsStr, value: &OsStr) -> Result<(), ConfigError> {
    let bytes = name.as_encoded_bytes();
    if bytes.is_empty() {
        return Err(refuse(name, "the name is empty"));
    }
    if bytes.contains(&b'=') || bytes.contains(&0) {
        return Err(refuse(name, "the name holds = or NUL"));
    }
    if value.as_encoded_bytes().contains(&0) {
        return Err(refuse(name, "the value holds NUL"));
    }
    Ok(())
}

fn refuse(name: &OsStr, reason: &'static str) -> ConfigError {
    ConfigError::Env { name: escape(name.as_encoded_bytes()), reason }
}

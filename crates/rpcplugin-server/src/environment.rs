use std::{ffi::OsString, fmt};

use rpcplugin_core::{HandshakeError, LaunchEnv, MagicCookie, config::Setting, env};

use crate::sys;

/// Finds a variable by its name.
pub(crate) type Lookup = Box<dyn Fn(&str) -> Option<OsString> + Send>;

/// Where the launch variables come from.
pub(crate) enum Environment {
    /// This process's own; removed once read.
    Process,
    /// A program's, for tests; the process stays as it is.
    Given(Lookup),
}

impl Environment {
    /// The variables among which settings are. Those of the handshake may be there, too: nobody
    /// takes them for settings.
    pub(crate) fn variables(&self) -> Vec<(OsString, OsString)> {
        match self {
            Self::Process => std::env::vars_os().collect(),
            Self::Given(_) => self.given_variables(),
        }
    }

    /// The same of an in-process server: only given ones.
    pub(crate) fn given_variables(&self) -> Vec<(OsString, OsString)> {
        let Self::Given(lookup) = self else { return Vec::new() };
        let names = Setting::ALL.iter().map(|setting| setting.variable());
        names.filter_map(|name| Some((name.into(), lookup(name)?))).collect()
    }

    /// Checks the cookie and reads the launch variables, once.
    ///
    /// # Errors
    ///
    /// `HANDSHAKE_NOT_LAUNCHED` if the cookie is absent or different; then nothing is removed.
    pub(crate) fn read(self, cookie: &MagicCookie) -> Result<LaunchEnv, HandshakeError> {
        match self {
            Self::Process => {
                let launch = read(&|name| std::env::var_os(name), cookie)?;
                sys::remove_variables(env::LAUNCH_VARIABLES.into_iter().chain([cookie.key()]));
                Ok(launch)
            }
            Self::Given(lookup) => read(&*lookup, cookie),
        }
    }

    /// The launch variables of an in-process server: only given ones.
    pub(crate) fn read_given(self) -> LaunchEnv {
        match self {
            Self::Process => LaunchEnv::default(),
            Self::Given(lookup) => LaunchEnv::read(lookup),
        }
    }
}

fn read(
    lookup: &dyn Fn(&str) -> Option<OsString>,
    cookie: &MagicCookie,
) -> Result<LaunchEnv, HandshakeError> {
    let found = lookup(cookie.key());
    if cookie.accepts(found.as_deref()) {
        return Ok(LaunchEnv::read(lookup));
    }
    let key = rpcplugin_core::escape_text(cookie.key());
    Err(HandshakeError::NotLaunched { key, present: found.is_some() })
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Process => "Process",
            Self::Given(_) => "Given",
        })
    }
}

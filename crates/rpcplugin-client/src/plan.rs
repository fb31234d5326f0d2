#[cfg(unix)]
use std::path::PathBuf;
use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use rpcplugin_core::{Error, MagicCookie, env, env::PortRange};

use crate::{
    Builder, Stdin,
    environment::{self, EnvironmentPolicy},
    settings::Settings,
};

/// A builder whose settings fit together. Nothing has happened yet, save what [`Settings`] tells.
pub(crate) struct Plan {
    pub(crate) cookie: MagicCookie,
    pub(crate) settings: Settings,
    host_vars: Vec<(OsString, OsString)>,
}

impl Plan {
    /// Resolves the settings, and checks everything that can be checked without touching the
    /// system.
    ///
    /// # Errors
    ///
    /// `CONFIG_…` for a setting that cannot work; `SECURITY_CONFIG_CONFLICT`,
    /// `SECURITY_TLS_REQUIRED`, `SECURITY_TLS_NOT_BUILT`.
    pub(crate) fn new(builder: Builder) -> Result<Self, Error> {
        let cookie = builder.cookie.clone();
        cookie.value_for_launch()?;
        let (settings, host_vars) = builder.into_settings()?;
        Ok(Self { cookie, settings, host_vars })
    }

    /// The plugin's whole environment: what it may have of the host's, then the caller's values
    /// from `command`, then the launch variables.
    ///
    /// # Errors
    ///
    /// `CONFIG_ENV` for a name that cannot be passed, or that is not the caller's to set.
    pub(crate) fn environment(
        &self,
        command: &std::process::Command,
        sockets: Option<&Path>,
        certificate: Option<String>,
    ) -> Result<Vec<(OsString, OsString)>, Error> {
        let caller: Vec<_> = command
            .get_envs()
            .map(|(name, value)| (name.to_owned(), value.map(OsStr::to_owned)))
            .collect();
        let config = &self.settings.config;
        let policy =
            EnvironmentPolicy { inherit: config.inherit_env(), allow: config.env_allow().to_vec() };
        let composed = environment::compose(
            &policy,
            self.host_vars.iter().cloned(),
            &[self.cookie.key().to_owned()],
            &caller,
            &self.launch_variables(sockets, certificate)?,
        )?;
        Ok(composed)
    }

    /// Where the private directory may be made, the preferred place first.
    #[cfg(unix)]
    pub(crate) fn directory_bases(&self) -> Vec<PathBuf> {
        if let Some(directory) = self.settings.config.host_unix_socket_dir() {
            return vec![directory.to_owned()];
        }
        // The later ones are for a TMPDIR that is too long for the path of a socket.
        let mut bases: Vec<PathBuf> =
            ["TMPDIR", "XDG_RUNTIME_DIR"].iter().filter_map(|name| self.directory(name)).collect();
        bases.push("/tmp".into());
        bases
    }

    #[cfg(unix)]
    fn directory(&self, name: &str) -> Option<PathBuf> {
        let (_, value) = self.host_vars.iter().find(|(found, _)| found == name)?;
        Some(PathBuf::from(value)).filter(|path| path.is_absolute())
    }

    /// `docs/wire-format.md`, Launch.
    pub(crate) fn launch_variables(
        &self,
        sockets: Option<&Path>,
        certificate: Option<String>,
    ) -> Result<Vec<(OsString, OsString)>, Error> {
        let settings = &self.settings;
        let (min, max) = match &settings.ports {
            PortRange::Within(ports) => (*ports.start(), *ports.end()),
            _ => (0, 0),
        };
        let networks: Vec<_> = settings.networks().iter().map(|n| n.as_str()).collect();
        let mut variables: Vec<(OsString, OsString)> = vec![
            (self.cookie.key().into(), self.cookie.value_for_launch()?.into()),
            (env::PROTOCOL_VERSIONS.into(), settings.versions.to_env().into()),
            (env::MIN_PORT.into(), min.to_string().into()),
            (env::MAX_PORT.into(), max.to_string().into()),
            (env::TRANSPORTS.into(), networks.join(",").into()),
        ];
        let mut set = |name: &str, value: OsString| variables.push((name.into(), value));
        if let Some(certificate) = certificate {
            set(env::CLIENT_CERT, certificate.into());
        }
        if let Some(sockets) = sockets {
            set(env::UNIX_SOCKET_DIR, sockets.into());
            // Go before 1.5.0 and pyvider know no other way to be told.
            if !settings.options.keep_tmpdir {
                set("TMPDIR", sockets.into());
            }
        }
        if settings.config.host_multiplex_grpc() {
            set(env::MULTIPLEX_GRPC, "true".into());
        }
        if let Some(group) = settings.config.host_unix_socket_group() {
            set(env::UNIX_SOCKET_GROUP, group.into());
        }
        // A detached plugin gets the null device, whose end is not its host's.
        if matches!(settings.options.stdin, Stdin::Lifeline) && !settings.options.detach {
            set(env::LIFELINE, "stdin".into());
        }
        Ok(variables)
    }
}

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use rpcplugin_core::ConfigError;

use crate::Limits;

/// A file or directory that [`Builder::landlock`](crate::Builder::landlock) leaves to a plugin,
/// with all that is below it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AllowedPath {
    pub(crate) path: PathBuf,
    pub(crate) write: bool,
}

impl AllowedPath {
    /// To be read, listed and executed.
    #[must_use]
    pub fn read(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), write: false }
    }

    /// To be read, executed, written, and to have entries made and removed.
    #[must_use]
    pub fn write(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), write: true }
    }

    /// What most programs need in order to run at all, as far as it exists here: `/usr`, `/lib*`,
    /// `/bin`, the linker's cache, the time zones and the devices `null`, `zero` and `urandom`.
    /// Nothing of it can be changed, save that `null` takes what is written to it.
    #[must_use]
    pub fn system() -> Vec<Self> {
        const READ: [&str; 12] = [
            "/usr",
            "/lib",
            "/lib32",
            "/lib64",
            "/bin",
            "/etc/ld.so.cache",
            "/etc/ld.so.conf",
            "/etc/localtime",
            "/etc/nsswitch.conf",
            "/dev/zero",
            "/dev/urandom",
            "/nix/store",
        ];
        let read = READ.into_iter().map(Self::read);
        let paths = read.chain([Self::write("/dev/null")]);
        paths.filter(|allowed| allowed.path.exists()).collect()
    }
}

/// How a plugin is held in bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Confinement {
    pub(crate) limits: Limits,
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) nice: Option<i32>,
    pub(crate) processors: Option<Vec<usize>>,
    pub(crate) no_new_privs: bool,
    pub(crate) landlock: Option<Vec<AllowedPath>>,
    pub(crate) no_network: bool,
    /// The delegated cgroup below which the plugin gets its own.
    pub(crate) cgroup: Option<PathBuf>,
}

impl Confinement {
    /// Whether there is anything that only whoever starts the process can see to.
    pub(crate) fn is_for_a_process(&self) -> bool {
        *self != Self::default()
    }

    /// Checks what can be checked without touching the system.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` with the setting's name.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.limits.check()?;
        let invalid = |setting, value, expected| ConfigError::Invalid { setting, value, expected };
        if let Some(nice) = self.nice.filter(|nice| !(-20..=19).contains(nice)) {
            return Err(invalid("nice", nice.to_string(), "-20 to 19"));
        }
        if let Some(processors) = &self.processors
            && (processors.is_empty() || processors.iter().any(|number| *number >= PROCESSORS))
        {
            let value = format!("{processors:?}");
            return Err(invalid("cpu_affinity", value, "one or more numbers from 0 to 1023"));
        }
        let relative = |path: &&PathBuf| !path.is_absolute();
        let mut allowed = self.landlock.iter().flatten().map(|allowed| &allowed.path);
        if let Some(path) = allowed.find(relative) {
            return Err(invalid("landlock", path.display().to_string(), "absolute paths"));
        }
        if let Some(path) = self.cgroup.as_ref().filter(relative) {
            return Err(invalid("cgroup", path.display().to_string(), "an absolute path"));
        }
        Ok(())
    }
}

/// As many as a set of the C library holds.
const PROCESSORS: usize = 1024;

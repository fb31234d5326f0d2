//! The settings that hold a plugin in bounds.

use std::{path::PathBuf, time::Duration};

use rpcplugin_core::config::{Setting, Value};

use super::Builder;
use crate::{AllowedPath, Limits, limits::in_seconds};

impl Builder {
    /// What the plugin may use; default without limits. Replaces what was set before.
    pub fn limits(mut self, limits: Limits) -> Self {
        let those_of_the_table = [
            (Setting::LimitMemory, limits.memory.map(Value::from)),
            (Setting::LimitCpuTime, limits.cpu_time.map(|time| in_seconds(time).into())),
            (Setting::LimitOpenFiles, limits.open_files.map(Value::from)),
            (Setting::LimitProcesses, limits.processes.map(Value::from)),
            (Setting::LimitFileSize, limits.file_size.map(Value::from)),
        ];
        for (setting, value) in those_of_the_table {
            self.values = match value {
                Some(value) => self.values.with(setting, value),
                None => self.values.without(setting),
            };
        }
        self.limit_address_space(limits.address_space.unwrap_or_default())
    }

    /// [`Limits::memory`], in bytes; default none.
    ///
    /// Variable: `PLUGIN_LIMIT_MEMORY_BYTES`.
    pub fn limit_memory(mut self, bytes: u64) -> Self {
        self.values = self.values.limit_memory(bytes);
        self
    }

    /// [`Limits::cpu_time`]; default none.
    ///
    /// Variable: `PLUGIN_LIMIT_CPU_SECONDS`.
    pub fn limit_cpu_time(mut self, time: Duration) -> Self {
        self.values = self.values.limit_cpu_time(in_seconds(time));
        self
    }

    /// [`Limits::open_files`]; default none.
    ///
    /// Variable: `PLUGIN_LIMIT_OPEN_FILES`.
    pub fn limit_open_files(mut self, count: u64) -> Self {
        self.values = self.values.limit_open_files(count);
        self
    }

    /// [`Limits::processes`]; default none.
    ///
    /// Variable: `PLUGIN_LIMIT_PROCESSES`.
    pub fn limit_processes(mut self, count: u64) -> Self {
        self.values = self.values.limit_processes(count);
        self
    }

    /// [`Limits::file_size`], in bytes; default none.
    ///
    /// Variable: `PLUGIN_LIMIT_FILE_SIZE_BYTES`.
    pub fn limit_file_size(mut self, bytes: u64) -> Self {
        self.values = self.values.limit_file_size(bytes);
        self
    }

    /// [`Limits::address_space`], in bytes; default none.
    pub fn limit_address_space(mut self, bytes: u64) -> Self {
        let limits = &mut self.options.confinement.limits;
        *limits = limits.address_space(bytes);
        self
    }

    /// Ends the plugin, in order, when it has run for this long; default 0, for ever. Calls in
    /// flight end with `TRANSPORT_PLUGIN_GONE`, and the crash report names the limit.
    ///
    /// A start that takes longer is no failure: the plugin ends when it is ready.
    ///
    /// Variable: `PLUGIN_MAX_LIFETIME_S`.
    pub fn max_lifetime(mut self, limit: Duration) -> Self {
        self.values = self.values.max_lifetime(limit);
        self
    }

    /// The user that the plugin runs as, by name or number; default this process's. It has the
    /// [`group`](Builder::group) given, else the user's own, and no other groups.
    ///
    /// Takes root. The private directory becomes this user's; the base in which it is made, and
    /// the program, must be within this user's reach. Unix only.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.options.confinement.user = Some(user.into());
        self
    }

    /// The group that the plugin runs as, by name or number, instead of its user's.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.options.confinement.group = Some(group.into());
        self
    }

    /// The plugin's niceness, -20 to 19; default this process's. A lower one than that takes
    /// privileges. Unix only.
    pub fn nice(mut self, nice: i32) -> Self {
        self.options.confinement.nice = Some(nice);
        self
    }

    /// The processors that the plugin may run on; default all that this process may. Linux only.
    pub fn cpu_affinity(mut self, processors: impl IntoIterator<Item = usize>) -> Self {
        self.options.confinement.processors = Some(processors.into_iter().collect());
        self
    }

    /// Lets nothing that the plugin starts gain privileges: set-user-ID programs run without
    /// theirs. [`landlock`](Builder::landlock) and [`no_network`](Builder::no_network) imply it.
    /// Linux only.
    pub fn no_new_privs(mut self) -> Self {
        self.options.confinement.no_new_privs = true;
        self
    }

    /// Leaves these files to the plugin, and no others, by means of Landlock; of the rest it can
    /// open, list, make and remove nothing. Its own program and private directory need not be
    /// listed. Takes Linux 6.2.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_client::{AllowedPath, Client};
    /// use rpcplugin_core::MagicCookie;
    ///
    /// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
    ///
    /// let mut allowed = AllowedPath::system();
    /// allowed.push(AllowedPath::write("/var/lib/kv"));
    /// let builder = Client::builder(COOKIE).landlock(allowed);
    /// # drop(builder);
    /// ```
    pub fn landlock(mut self, paths: impl IntoIterator<Item = AllowedPath>) -> Self {
        self.options.confinement.landlock = Some(paths.into_iter().collect());
        self
    }

    /// Keeps the plugin off every network, loopback included: it can make Unix sockets only. The
    /// plugin is then offered no TCP; [`transports`](Builder::transports) that name it are a
    /// `CONFIG_CONFLICT`. Linux on x86-64, AArch64 and RISC-V only.
    pub fn no_network(mut self) -> Self {
        self.options.confinement.no_network = true;
        self
    }

    /// A cgroup v2 that was delegated to this process: the plugin gets one of its own below it,
    /// and with it go all descendants, also those that left its process group.
    ///
    /// By default the cgroup above this process's own is used if it was delegated and a limit on
    /// memory or processes is set. Linux only.
    pub fn cgroup(mut self, parent: impl Into<PathBuf>) -> Self {
        self.options.confinement.cgroup = Some(parent.into());
        self
    }
}

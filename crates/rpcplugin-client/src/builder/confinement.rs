//! The settings that hold a plugin in bounds.

use std::{path::PathBuf, time::Duration};

use super::Builder;
use crate::{AllowedPath, Limits};

impl Builder {
    /// What the plugin may use; default without limits. Replaces what was set before.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.confinement.limits = limits;
        self
    }

    /// [`Limits::memory`], in bytes; default none.
    pub fn limit_memory(self, bytes: u64) -> Self {
        self.change_limits(|limits| limits.memory(bytes))
    }

    /// [`Limits::cpu_time`]; default none.
    pub fn limit_cpu_time(self, time: Duration) -> Self {
        self.change_limits(|limits| limits.cpu_time(time))
    }

    /// [`Limits::open_files`]; default none.
    pub fn limit_open_files(self, count: u64) -> Self {
        self.change_limits(|limits| limits.open_files(count))
    }

    /// [`Limits::processes`]; default none.
    pub fn limit_processes(self, count: u64) -> Self {
        self.change_limits(|limits| limits.processes(count))
    }

    /// [`Limits::file_size`], in bytes; default none.
    pub fn limit_file_size(self, bytes: u64) -> Self {
        self.change_limits(|limits| limits.file_size(bytes))
    }

    /// [`Limits::address_space`], in bytes; default none.
    pub fn limit_address_space(self, bytes: u64) -> Self {
        self.change_limits(|limits| limits.address_space(bytes))
    }

    /// Ends the plugin, in order, when it has run for this long; default 0, for ever. Calls in
    /// flight end with `TRANSPORT_PLUGIN_GONE`, and the crash report names the limit.
    ///
    /// A start that takes longer is no failure: the plugin ends when it is ready.
    pub fn max_lifetime(mut self, limit: Duration) -> Self {
        self.settings.confinement.max_lifetime = limit;
        self
    }

    /// The user that the plugin runs as, by name or number; default this process's. It has the
    /// [`group`](Builder::group) given, else the user's own, and no other groups.
    ///
    /// Takes root. The private directory becomes this user's; the base in which it is made, and
    /// the program, must be within this user's reach. Unix only.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.settings.confinement.user = Some(user.into());
        self
    }

    /// The group that the plugin runs as, by name or number, instead of its user's.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.settings.confinement.group = Some(group.into());
        self
    }

    /// The plugin's niceness, -20 to 19; default this process's. A lower one than that takes
    /// privileges. Unix only.
    pub fn nice(mut self, nice: i32) -> Self {
        self.settings.confinement.nice = Some(nice);
        self
    }

    /// The processors that the plugin may run on; default all that this process may. Linux only.
    pub fn cpu_affinity(mut self, processors: impl IntoIterator<Item = usize>) -> Self {
        self.settings.confinement.processors = Some(processors.into_iter().collect());
        self
    }

    /// Lets nothing that the plugin starts gain privileges: set-user-ID programs run without
    /// theirs. [`landlock`](Builder::landlock) and [`no_network`](Builder::no_network) imply it.
    /// Linux only.
    pub fn no_new_privs(mut self) -> Self {
        self.settings.confinement.no_new_privs = true;
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
        self.settings.confinement.landlock = Some(paths.into_iter().collect());
        self
    }

    /// Keeps the plugin off every network, loopback included: it can make Unix sockets only. The
    /// plugin is then offered no TCP; [`transports`](Builder::transports) that name it are a
    /// `CONFIG_CONFLICT`. Linux on x86-64, AArch64 and RISC-V only.
    pub fn no_network(mut self) -> Self {
        self.settings.confinement.no_network = true;
        self
    }

    /// A cgroup v2 that was delegated to this process: the plugin gets one of its own below it,
    /// and with it go all descendants, also those that left its process group.
    ///
    /// By default the cgroup above this process's own is used if it was delegated and a limit on
    /// memory or processes is set. Linux only.
    pub fn cgroup(mut self, parent: impl Into<PathBuf>) -> Self {
        self.settings.confinement.cgroup = Some(parent.into());
        self
    }

    fn change_limits(mut self, change: impl FnOnce(Limits) -> Limits) -> Self {
        self.settings.confinement.limits = change(self.settings.confinement.limits);
        self
    }
}

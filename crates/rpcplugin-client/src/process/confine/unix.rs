use std::{io, os::fd::OwnedFd, path::Path, process::Command, sync::Arc};

use rpcplugin_core::SecurityError;
use rpcplugin_transport::PrivateDir;
use rustix::process::{Resource, Rlimit, getrlimit};

use super::{Bounds, Identity, Unapplied, failed};
#[cfg(target_os = "linux")]
use super::{cgroup::Delegated, files, network};
use crate::{
    Limits,
    isolation::Confinement,
    process::{account::Account, verified::Verified},
    sys::{self, Action, Step},
};

/// What a command's child will do to itself, and what the host keeps of it.
#[derive(Debug, Default)]
pub(in crate::process) struct Applied {
    steps: Option<(Arc<[Step]>, OwnedFd)>,
    kept: Kept,
}

/// To be dropped once the process was reaped.
#[derive(Debug, Default)]
pub(in crate::process) struct Kept {
    #[cfg(target_os = "linux")]
    cgroup: Option<super::Cgroup>,
    /// With the copy of the program that runs.
    copy: Option<PrivateDir>,
}

impl Applied {
    /// Registers every restriction with the command, and makes what it needs in the system. The
    /// child runs `verified` instead of the command's program.
    ///
    /// # Errors
    ///
    /// `SECURITY_ISOLATION_FAILED` for one that cannot be applied here.
    pub(in crate::process) fn to(
        command: &mut Command,
        bounds: &Bounds,
        program: Option<&Path>,
        detach: bool,
        verified: Option<Verified>,
    ) -> Result<Self, Unapplied> {
        let mut applied = Self::default();
        let mut steps = Steps(Vec::new());
        let copy = verified.as_ref().and_then(Verified::path);
        applied.add_all(&mut steps, bounds, copy.as_deref().or(program), detach)?;
        if let Some(verified) = verified {
            let (program, copy) = verified.program(command).map_err(Unapplied::Unfit)?;
            applied.kept.copy = copy;
            steps.add("the program".to_owned(), Action::Run(program));
        }
        let Steps(steps) = steps;
        if !steps.is_empty() {
            let steps: Arc<[Step]> = steps.into();
            let (number, failed) = pipe()?;
            sys::confine(command, steps.clone(), failed);
            applied.steps = Some((steps, number));
        }
        Ok(applied)
    }

    /// The step that failed in the child, if `error` comes from one.
    pub(in crate::process) fn failure(&self, error: &io::Error) -> Option<SecurityError> {
        let (steps, number) = self.steps.as_ref()?;
        let mut written = [0; 64];
        // One byte for each attempt, of which the last counts.
        let length = rustix::io::read(number, &mut written).ok()?;
        let last = written.get(..length)?.last()?;
        match steps.get(usize::from(*last))? {
            // What that means is for whoever knows programs.
            Step { action: Action::Run(_), .. } => None,
            step => Some(failed(&step.what, error)),
        }
    }

    /// The book on the process that was started.
    pub(in crate::process) fn account(&self, pid: u32, limits: Limits) -> Account {
        let account = Account::new(pid, limits);
        #[cfg(target_os = "linux")]
        let account = account.cgroup(self.kept.cgroup.as_ref());
        account
    }

    /// What must outlive the process, if there is anything.
    pub(in crate::process) fn kept(self) -> Option<Kept> {
        #[cfg(target_os = "linux")]
        let has_cgroup = self.kept.cgroup.is_some();
        #[cfg(not(target_os = "linux"))]
        let has_cgroup = false;
        (has_cgroup || self.kept.copy.is_some()).then_some(self.kept)
    }

    fn add_all(
        &mut self,
        steps: &mut Steps,
        bounds: &Bounds,
        program: Option<&Path>,
        detach: bool,
    ) -> Result<(), SecurityError> {
        let settings = &bounds.settings;
        // While it still may do all that the host may: what comes later takes that away.
        #[cfg(target_os = "linux")]
        self.add_cgroup(steps, settings)?;
        self.add_limits(steps, &settings.limits, bounds.identity)?;
        if let Some(nice) = settings.nice {
            steps.add(format!("nice {nice}"), Action::Nice(nice));
        }
        #[cfg(target_os = "linux")]
        if let Some(processors) = &settings.processors {
            let mut set = rustix::thread::CpuSet::new();
            processors.iter().for_each(|number| set.set(*number));
            let what = format!("cpu_affinity {processors:?}");
            steps.add(what, Action::Processors(Box::new(set)));
        }
        if let Some(Identity { user, group }) = bounds.identity {
            steps.add(format!("user {user}, group {group}"), Action::Become { user, group });
            if !detach {
                let parent = rustix::process::getpid();
                steps.add("the parent's death".to_owned(), Action::DieWith(parent));
            }
        }
        #[cfg(target_os = "linux")]
        return add_sandbox(steps, bounds, program);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = program;
            refuse_what_linux_has(settings)
        }
    }

    #[cfg(target_os = "linux")]
    fn add_cgroup(
        &mut self,
        steps: &mut Steps,
        settings: &Confinement,
    ) -> Result<(), SecurityError> {
        let limits = &settings.limits;
        let helps = limits.memory.is_some() || limits.processes.is_some();
        let parent = match &settings.cgroup {
            Some(path) => Some(Delegated::named(path)?),
            None if helps => Delegated::find(),
            None => None,
        };
        let Some(parent) = parent else { return Ok(()) };
        let cgroup = super::Cgroup::create(&parent, limits)?;
        let what = format!("cgroup {}", cgroup.path().display());
        steps.add(what, Action::JoinCgroup(cgroup.processes()?));
        self.kept.cgroup = Some(cgroup);
        Ok(())
    }

    fn add_limits(
        &self,
        steps: &mut Steps,
        limits: &Limits,
        identity: Option<Identity>,
    ) -> Result<(), SecurityError> {
        #[cfg(target_os = "linux")]
        let counts = self.kept.cgroup.as_ref().is_some_and(super::Cgroup::controls_processes);
        #[cfg(not(target_os = "linux"))]
        let counts = false;
        if limits.processes.is_some() && !counts && !is_bound(identity) {
            let why = "root is not bound by RLIMIT_NPROC, and no cgroup with the controller \
                       \"pids\" was delegated; name another user";
            return Err(failed("limit_processes", why));
        }
        // SIGXCPU at the limit, and SIGKILL a second later for whoever handles that.
        let seconds = limits.cpu_seconds();
        steps.limit("limit_cpu_time", Resource::Cpu, seconds, seconds.map(|limit| limit + 1));
        for (what, resource, limit) in [
            ("limit_open_files", Resource::Nofile, limits.open_files),
            ("limit_processes", Resource::Nproc, limits.processes.filter(|_| !counts)),
            ("limit_file_size", Resource::Fsize, limits.file_size),
            ("limit_address_space", Resource::As, limits.address_space),
        ] {
            steps.limit(what, resource, limit, limit);
        }
        Ok(())
    }
}

struct Steps(Vec<Step>);

impl Steps {
    fn add(&mut self, what: String, action: Action) {
        self.0.push(Step { what, action });
    }

    /// Never raises what this process is under: that takes privileges, and is no limit.
    fn limit(&mut self, what: &str, resource: Resource, soft: Option<u64>, hard: Option<u64>) {
        let (Some(soft), Some(hard)) = (soft, hard) else { return };
        let own = getrlimit(resource);
        let least = |limit: u64, own: Option<u64>| Some(own.map_or(limit, |own| own.min(limit)));
        let maximum = least(hard, own.maximum);
        let limit = Rlimit { current: least(soft, own.current.or(maximum)), maximum };
        self.add(format!("{what} {soft}"), Action::Limit(resource, limit));
    }
}

/// Whether the system counts processes against the user's limit.
fn is_bound(identity: Option<Identity>) -> bool {
    match identity {
        Some(identity) => identity.user != 0,
        None => !rustix::process::geteuid().is_root() && !keeps_privileges(),
    }
}

/// Whether this process's programs are beyond such limits although it is not root.
fn keeps_privileges() -> bool {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CapabilitySet, capability_is_in_ambient_set};
        let kept = |capability| capability_is_in_ambient_set(capability).unwrap_or(false);
        kept(CapabilitySet::SYS_RESOURCE) || kept(CapabilitySet::SYS_ADMIN)
    }
    #[cfg(not(target_os = "linux"))]
    false
}

#[cfg(target_os = "linux")]
fn add_sandbox(
    steps: &mut Steps,
    bounds: &Bounds,
    program: Option<&Path>,
) -> Result<(), SecurityError> {
    let settings = &bounds.settings;
    if settings.no_new_privs || settings.landlock.is_some() || settings.no_network {
        steps.add("no_new_privs".to_owned(), Action::NoNewPrivileges);
    }
    if let Some(allowed) = &settings.landlock {
        let mut allowed = allowed.clone();
        allowed.extend(bounds.directory.clone().map(crate::AllowedPath::write));
        let rules = files::ruleset(&allowed, program)?;
        steps.add(files::WHAT.to_owned(), Action::Landlock(rules));
    }
    if settings.no_network {
        steps.add(network::WHAT.to_owned(), Action::Filter(network::filter()?));
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn refuse_what_linux_has(settings: &Confinement) -> Result<(), SecurityError> {
    let asked = [
        ("limit_memory", settings.limits.memory.is_some()),
        ("cpu_affinity", settings.processors.is_some()),
        ("no_new_privs", settings.no_new_privs),
        ("landlock", settings.landlock.is_some()),
        ("no_network", settings.no_network),
        ("cgroup", settings.cgroup.is_some()),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        Some((what, _)) => Err(failed(what, "only Linux has it")),
        None => Ok(()),
    }
}

/// By which the child tells what failed. Reading never waits.
fn pipe() -> Result<(OwnedFd, OwnedFd), SecurityError> {
    let refused = |error: io::Error| failed("no pipe to the new process", error);
    let (read, write) = io::pipe().map_err(refused)?;
    let (read, write) = (OwnedFd::from(read), OwnedFd::from(write));
    rustix::io::ioctl_fionbio(&read, true).map_err(|error| refused(error.into()))?;
    Ok((read, write))
}

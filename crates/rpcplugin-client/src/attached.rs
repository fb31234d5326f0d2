//! A plugin's process that this host did not start, and the hold on it.
//!
//! **Invariant:** nothing is signalled before it is proved to be the process of its record, and
//! then only through a handle that no other process can come to stand behind.

use std::time::{Duration, Instant};

use rpcplugin_core::{Address, CrashReport, Error, ExitStatus, Reattach, SecurityError};
use rpcplugin_transport::Birth;

use crate::{Limits, ladder::Stoppable, life::Life, process::Account};

mod lease;
#[cfg(target_os = "linux")]
#[path = "attached/linux.rs"]
mod process;
#[cfg(not(target_os = "linux"))]
#[path = "attached/other.rs"]
mod process;

pub(crate) use self::lease::Lease;

/// The process of a record.
///
/// Until [`take_over`](Self::take_over) it is left alone, whatever happens; dropping it after
/// that kills it, unless it is somebody else's.
pub(crate) struct AttachedProcess {
    process: process::Process,
    pid: u32,
    name: String,
    started: Instant,
    ended: bool,
    account: Account,
    /// Whether it is this host's to end.
    ours: bool,
    #[cfg(unix)]
    directory: Option<rpcplugin_transport::PrivateDir>,
    _lease: Option<Lease>,
}

impl AttachedProcess {
    /// Finds the process of a record, and gets hold of it. The socket's owner is still to be
    /// compared. Not a signal is sent.
    ///
    /// # Errors
    ///
    /// `SECURITY_REATTACH_STALE` if there is no such process any more, `TRANSPORT_REATTACH_IN_USE`
    /// if another host holds it, `TRANSPORT_RESOURCES`.
    pub(crate) fn identify(record: &Reattach) -> Result<Self, Error> {
        let pid = record.pid;
        let gone = || stale(format!("no process {pid} runs"));
        let mut process = process::Process::open(pid)?.ok_or_else(gone)?;
        // Compared after it was opened: from here on the number stands for the process that has
        // it now, for as long as that lives.
        compare(record, Birth::of(pid).as_ref())?;
        let lease = Lease::take(pid)?;
        let (name, started) = (process::name(pid), process::started(pid));
        if process.has_ended() {
            return Err(gone().into());
        }
        Ok(Self {
            process,
            pid,
            name,
            started,
            ended: false,
            account: Account::new(pid, Limits::new()),
            ours: false,
            #[cfg(unix)]
            directory: None,
            _lease: lease,
        })
    }

    /// The socket proved that it is the plugin: unless it is in test mode, it is this host's from
    /// here on, and so is what its first host made for it.
    pub(crate) fn take_over(&mut self, record: &Reattach) {
        // Without a handle nothing ties the number to the plugin, and nobody is signalled.
        self.ours = !record.test && process::HAS_HANDLE;
        // However soon it ends, something is known of it.
        self.look();
        #[cfg(unix)]
        if let Address::Unix(socket) = &record.address
            && self.ours
        {
            let directory = socket.parent();
            self.directory = directory.and_then(rpcplugin_transport::PrivateDir::inherit);
        }
    }
}

/// Whether the process that has the id now is the one that the record was made for.
fn compare(record: &Reattach, now: Option<&Birth>) -> Result<(), SecurityError> {
    let Some(now) = now else {
        // What other systems do not tell proves nothing, and they signal nobody.
        let is_provable = process::HAS_HANDLE && record.start_time.is_some();
        return if is_provable {
            Err(stale(format!("the start of process {} cannot be read", record.pid)))
        } else {
            Ok(())
        };
    };
    if let Some(recorded) = &record.boot_id
        && *recorded != now.boot_id
    {
        let recorded = rpcplugin_core::escape_text(recorded);
        let boot_id = &now.boot_id;
        return Err(stale(format!("it is of boot {recorded}, this is boot {boot_id}")));
    }
    if let Some(recorded) = record.start_time
        && recorded != now.start_time
    {
        let (pid, start_time) = (record.pid, now.start_time);
        return Err(stale(format!(
            "process {pid} was started at {recorded}, the one with this number now at {start_time}"
        )));
    }
    Ok(())
}

fn stale(detail: String) -> SecurityError {
    SecurityError::ReattachStale { detail }
}

impl Life for AttachedProcess {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn pid(&self) -> u32 {
        self.pid
    }

    fn started(&self) -> Instant {
        self.started
    }

    fn try_ended(&mut self) -> Option<ExitStatus> {
        // Only its parent learns how.
        self.ended.then_some(ExitStatus::Unknown)
    }

    fn look(&mut self) {
        let Self { account, process, .. } = self;
        // Its parent is somebody else, and frees the number as soon as it has ended.
        account.look_if(|| !process.has_ended());
    }

    fn conclude(&self, report: &mut CrashReport) {
        self.account.recall(report);
    }

    fn stays(&self) -> bool {
        !self.ours
    }

    async fn finish(mut self) {
        // It has ended: there is nobody to kill, also if this is dropped half-way.
        self.ours = false;
        while self.process.is_hunted() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        #[cfg(unix)]
        if let Some(directory) = self.directory.take() {
            // The file system may be slow.
            let _ = tokio::task::spawn_blocking(move || drop(directory)).await;
        }
    }
}

impl Stoppable for AttachedProcess {
    async fn ended(&mut self) -> ExitStatus {
        while !self.ended {
            tokio::select! {
                biased;
                () = self.process.ended() => self.ended = true,
                () = self.account.due() => self.look(),
            }
        }
        ExitStatus::Unknown
    }

    fn terminate(&mut self) {
        if self.ours {
            self.process.terminate();
        }
    }

    fn kill(&mut self) {
        if self.ours {
            self.process.kill();
        }
    }
}

impl Drop for AttachedProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn birth(start_time: u64, boot_id: &str) -> Birth {
        let mut birth = Birth::default();
        (birth.start_time, birth.boot_id) = (start_time, boot_id.to_owned());
        birth
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_start_that_cannot_be_read_is_not_that_of_the_record() {
        let mut record = Reattach::new(7, Address::Unix("/s".into()), 1);
        compare(&record, None).unwrap();
        record.start_time = Some(100);
        assert_eq!(compare(&record, None).unwrap_err().code(), "SECURITY_REATTACH_STALE");
    }

    #[test]
    fn start_time_and_boot_must_be_those_of_the_record_if_it_has_them() {
        let mut record = Reattach::new(7, Address::Unix("/s".into()), 1);
        let now = birth(100, "this");
        compare(&record, Some(&now)).unwrap();
        (record.start_time, record.boot_id) = (Some(100), Some("this".to_owned()));
        compare(&record, Some(&now)).unwrap();
        for other in [birth(101, "this"), birth(100, "other")] {
            let error = compare(&record, Some(&other)).unwrap_err();
            assert_eq!(error.code(), "SECURITY_REATTACH_STALE");
        }
    }
}

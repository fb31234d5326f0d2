//! One host at a time holds a plugin.

use rpcplugin_core::TransportError;

/// A host's hold on a plugin's process, for as long as this value lives.
///
/// It is a lock on a file that the system itself keeps for the process, under `/proc`, and that
/// only its user can open. So the plugin need know nothing of it, nothing lies anywhere when it is
/// let go of, a host that dies lets go, and it cannot be mixed up with that of a later process of
/// the same number. Other systems than Linux have no such file, and there it holds nothing.
#[derive(Debug)]
pub(crate) struct Lease {
    #[cfg(target_os = "linux")]
    _locked: std::fs::File,
}

impl Lease {
    /// Takes the lease on a process. `None`, with a warning, if the system gives none: for one
    /// that hides from its own user, too.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_REATTACH_IN_USE`.
    #[cfg(target_os = "linux")]
    pub(crate) fn take(pid: u32) -> Result<Option<Self>, TransportError> {
        use rustix::{fs::FlockOperation, io::Errno};

        // Any file of the process's own with mode 0400 would do.
        let file = match std::fs::File::open(format!("/proc/{pid}/personality")) {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(pid, %error, "the plugin cannot be held against other hosts");
                return Ok(None);
            }
        };
        loop {
            return match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => Ok(Some(Self { _locked: file })),
                Err(Errno::INTR) => continue,
                Err(Errno::WOULDBLOCK) => {
                    Err(TransportError::ReattachInUse { holder: holder(&file) })
                }
                Err(error) => {
                    tracing::warn!(pid, %error, "the plugin cannot be held against other hosts");
                    Ok(None)
                }
            };
        }
    }

    /// No lease is to be had.
    #[cfg(not(target_os = "linux"))]
    pub(crate) const fn take(_: u32) -> Result<Option<Self>, TransportError> {
        Ok(None)
    }
}

/// Who has locked the file, as far as the kernel tells.
#[cfg(target_os = "linux")]
fn holder(file: &std::fs::File) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    let found = file.metadata().ok()?;
    let (major, minor) = (rustix::fs::major(found.dev()), rustix::fs::minor(found.dev()));
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    holder_in(&locks, &format!("{major:02x}:{minor:02x}:{}", found.ino()))
}

/// Finds a file in lines like `7: FLOCK  ADVISORY  WRITE 4711 00:15:1234 0 EOF`.
#[cfg(target_os = "linux")]
fn holder_in(locks: &str, file: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let pid = (fields.next()? == "FLOCK").then(|| fields.nth(2))??;
        // 0 is a process of another world than ours.
        (fields.next()? == file).then(|| pid.parse().ok().filter(|pid| *pid != 0)).flatten()
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_held_once_and_the_holder_is_named() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let held = Lease::take(child.id()).unwrap().unwrap();
        match Lease::take(child.id()) {
            Err(TransportError::ReattachInUse { holder }) => {
                assert_eq!(holder, Some(std::process::id()));
            }
            other => panic!("{other:?}"),
        }
        drop(held);
        // A child that another test has just forked has the lock, too, until it runs its program.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let again = loop {
            match Lease::take(child.id()) {
                Err(TransportError::ReattachInUse { .. })
                    if std::time::Instant::now() < deadline =>
                {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
                taken => break taken.unwrap(),
            }
        };
        assert!(again.is_some());
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn the_holder_of_the_very_file_is_found() {
        let locks = "1: POSIX  ADVISORY  READ 8183 00:15:7 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 4300 00:15:8 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 4301 00:15:7 0 EOF\n\
                     garbage\n4:";
        assert_eq!(holder_in(locks, "00:15:7"), Some(4301));
        assert_eq!(holder_in(locks, "00:15:9"), None);
    }
}

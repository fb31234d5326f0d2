//! One at a time in a directory.

use std::{fs::File, path::Path};

use rpcplugin_core::SecurityError;

/// While this is there, nobody else who asks has the same directory. The end of the process ends
/// it, too.
pub(crate) struct Alone {
    _lock: Option<File>,
}

/// Waits for those who work in the directory, for 5 s at most. **Blocks.**
///
/// Elsewhere than on Unix directories have no locks, and nobody waits.
///
/// # Errors
///
/// `SECURITY_CERT_INVALID` if another does not get done.
pub(crate) fn alone_in(directory: &Path) -> Result<Alone, SecurityError> {
    #[cfg(unix)]
    {
        use std::time::{Duration, Instant};

        use rustix::{
            fs::{FlockOperation, flock},
            io::Errno,
        };

        const LIMIT: Duration = Duration::from_secs(5);
        let failed = |error: std::io::Error| {
            super::invalid(format!("cannot lock {}: {error}", super::shown(directory)))
        };
        let lock = File::open(directory).map_err(failed)?;
        let begun = Instant::now();
        loop {
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Alone { _lock: Some(lock) }),
                Err(Errno::WOULDBLOCK | Errno::INTR) if begun.elapsed() < LIMIT => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                // Some network file systems have none. Then all is as it was before locks.
                Err(Errno::OPNOTSUPP | Errno::NOLCK) => return Ok(Alone { _lock: None }),
                Err(error) => return Err(failed(error.into())),
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = directory;
        Ok(Alone { _lock: None })
    }
}

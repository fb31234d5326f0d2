use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rpcplugin_core::ConfigError;
use tokio::{task::JoinHandle, time::MissedTickBehavior};

use crate::stop::{Reason, Stop};

/// Looks for a file whose appearance asks for a stop, until it is dropped.
#[derive(Debug)]
pub(crate) struct ShutdownFile(JoinHandle<()>);

impl ShutdownFile {
    /// Time between two looks.
    const INTERVAL: Duration = Duration::from_millis(250);

    /// Removes what is left from before, and begins to look.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` for a path that is not absolute, and for one at which something is that
    /// cannot be removed.
    pub(crate) fn watch(path: &Path, stop: Stop) -> Result<Self, ConfigError> {
        let invalid = |expected| ConfigError::Invalid {
            setting: "shutdown_file_path",
            value: rpcplugin_core::escape_text(&path.to_string_lossy()),
            expected,
        };
        if !path.is_absolute() {
            return Err(invalid("an absolute path"));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(invalid("a file that may be removed, or none"))
            }
            _ => Ok(Self(tokio::spawn(appears(path.to_owned(), stop)))),
        }
    }
}

async fn appears(path: PathBuf, stop: Stop) {
    let mut looks = tokio::time::interval(ShutdownFile::INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let path = path.clone();
        // The file system may be another machine's.
        let look = tokio::task::spawn_blocking(move || std::fs::symlink_metadata(path).is_ok());
        if look.await.unwrap_or(false) {
            return stop.request(Reason::File, None);
        }
    }
}

impl Drop for ShutdownFile {
    fn drop(&mut self) {
        self.0.abort();
    }
}

use std::io::{self, Read as _};

use super::{HostGone, HostWatch};

/// Watches the lifeline, the one sign of the host that every platform has.
///
/// # Errors
///
/// The system's reason for refusing a thread.
pub(crate) fn watch(watch: HostWatch, gone: HostGone) -> io::Result<()> {
    if watch != HostWatch::Lifeline {
        return Ok(());
    }
    let watch = move || {
        let mut scratch = [0; 256];
        let mut stdin = io::stdin().lock();
        loop {
            match stdin.read(&mut scratch) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        gone.stop();
        if gone.hard {
            std::thread::sleep(HostGone::LIMIT);
            gone.files.remove();
            std::process::abort();
        }
    };
    std::thread::Builder::new().name("rpcplugin-guard".to_owned()).spawn(watch).map(drop)
}

/// Nothing is captured here, so nothing waits.
pub(crate) async fn emptied() {}

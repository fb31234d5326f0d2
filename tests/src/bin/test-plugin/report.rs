use std::{fs::OpenOptions, io::Write as _};

/// Tells the test, through the pipe that it named, what happens in a handler.
///
/// A write to a pipe that is this short is one piece, whoever else writes.
pub(crate) fn report(event: &str) {
    let Some(path) = std::env::var_os("TEST_PLUGIN_REPORT") else { return };
    if let Ok(mut pipe) = OpenOptions::new().write(true).open(path) {
        // The test may have ended before the plugin.
        let _ = pipe.write_all(format!("{event}\n").as_bytes());
    }
}

/// Reports that a call ended before it was complete.
#[derive(Debug)]
pub(crate) struct Unfinished(Option<&'static str>);

impl Unfinished {
    /// Reports `{call} started` now, and `{call} cancelled` when dropped unfinished.
    pub(crate) fn start(call: &'static str) -> Self {
        report(&format!("{call} started"));
        Self(Some(call))
    }

    /// The call is complete.
    pub(crate) fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(call) = self.0 {
            report(&format!("{call} cancelled"));
        }
    }
}

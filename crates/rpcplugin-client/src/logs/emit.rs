use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::Level;

use super::Entry;

/// The target of every event that a plugin caused.
const TARGET: &str = "rpcplugin::plugin";

/// Writes an entry into the host's log, with the plugin's level; target, time and place are the
/// host's own.
pub(crate) fn emit(plugin: &str, entry: &Entry) {
    // The level of an event must be known when it is compiled.
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: TARGET,
                Level::$level,
                plugin.name = plugin,
                plugin.module = entry.module.as_deref(),
                plugin.caller = entry.caller.as_deref(),
                plugin.timestamp = entry.timestamp.as_deref(),
                plugin.fields = entry.fields.as_deref(),
                "{}",
                entry.message
            )
        };
    }
    match entry.level {
        Level::TRACE => event!(TRACE),
        Level::DEBUG => event!(DEBUG),
        Level::INFO => event!(INFO),
        Level::WARN => event!(WARN),
        Level::ERROR => event!(ERROR),
    }
}

/// Tells that some of a stream was left out of the log.
pub(crate) fn lost(plugin: &str, stream: &str, pieces: u64, bytes: u64) {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        plugin.name = plugin,
        "{pieces} lines of {stream} were left out, {bytes} bytes: too many at once"
    );
}

/// Tells of a line that should not be where it is.
pub(crate) fn stray(plugin: &str, line: &[u8]) {
    let line = rpcplugin_core::escape(line);
    tracing::event!(target: TARGET, Level::WARN, plugin.name = plugin, "stray output on stdout: {line}");
}

/// Runs something that ends in the application's own subscriber, whose panic is not ours.
pub(crate) fn guarded(write: impl FnOnce()) {
    // The panic hook has reported it already.
    let _ = catch_unwind(AssertUnwindSafe(write));
}

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fmt::Write as _,
    panic::{self, PanicHookInfo},
    sync::Once,
    time::Duration,
};

use rpcplugin_core::escape_text;

use crate::hclog;

type Hook = dyn Fn(&PanicHookInfo<'_>) + Sync + Send;

/// Makes a panic begin with a line `panic: MESSAGE`, which go-plugin hosts and Terraform's crash
/// report look for at the start of a line.
///
/// Then comes what a hook of the program's own does. Without one it is what the standard
/// library's says, through the queue: that one would wait for a stderr which nobody reads.
///
/// Installed once for the process; further calls change nothing.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let own = own_hook();
        panic::set_hook(Box::new(move |info| {
            let mut text = format!("panic: {}\n", escape_text(message(info)));
            if own.is_none() {
                describe(info, &mut text);
            }
            // Through the queue, which keeps the order and never waits for stderr.
            hclog::send(text.into_bytes());
            // The process may end of it, and a hook may write by itself.
            hclog::flush(Duration::from_millis(50));
            if let Some(own) = &own {
                own(info);
            }
        }));
    });
}

/// The hook that the program has set, if it has.
fn own_hook() -> Option<Box<Hook>> {
    let found = panic::take_hook();
    // Taking the first put the standard library's in its place.
    let standard = panic::take_hook();
    // Neither holds data, so it is the functions that are compared. Should the standard one ever be
    // taken for the program's, it runs as well.
    let is_standard = std::ptr::eq::<Hook>(&*found, &*standard);
    (!is_standard).then_some(found)
}

/// Where it happened, and how it came there if `RUST_BACKTRACE` asks for it.
fn describe(info: &PanicHookInfo<'_>, text: &mut String) {
    let thread = std::thread::current();
    let name = escape_text(thread.name().unwrap_or("<unnamed>"));
    let _ = match info.location() {
        Some(location) => writeln!(text, "thread '{name}' panicked at {location}"),
        None => writeln!(text, "thread '{name}' panicked"),
    };
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let _ = write!(text, "stack backtrace:\n{backtrace}");
    }
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is no text")
}

use std::{
    panic::{self, PanicHookInfo},
    sync::Once,
    time::Duration,
};

use rpcplugin_core::escape_text;

use crate::hclog;

/// Makes a panic begin with a line `panic: MESSAGE`, which go-plugin hosts and Terraform's crash
/// report look for at the start of a line; then comes what the previous hook prints.
///
/// Installed once for the process; further calls change nothing.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // What was logged before the panic stands before it.
            hclog::flush(Duration::from_millis(50));
            // Through the queue, which keeps the order and never waits for stderr.
            hclog::send(format!("panic: {}\n", escape_text(message(info))).into_bytes());
            previous(info);
        }));
    });
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is no text")
}

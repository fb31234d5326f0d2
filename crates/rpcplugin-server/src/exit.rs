use std::{convert::Infallible, time::Duration};

use crate::{hclog, stop::Stop};

/// Time for what a process that exits has printed.
pub(crate) const LIMIT: Duration = Duration::from_secs(1);

/// Asks for the end of the process, and waits for it.
pub(crate) async fn exit(stop: Stop, code: u8) -> Infallible {
    stop.exit(code);
    // The server ends the process itself at the end of its stop, unless that was over before.
    stop.until_ended().await;
    now(code)
}

/// Ends the process, with its log written.
#[expect(clippy::exit, reason = "the program asked for it")]
pub(crate) fn now(code: u8) -> Infallible {
    hclog::flush(Duration::from_millis(100));
    std::process::exit(code.into())
}

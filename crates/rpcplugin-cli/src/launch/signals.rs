//! The signals that ask this command to end.

#[cfg(unix)]
use std::task::Poll;

use crate::failure::Failure;

/// Ctrl-C, SIGTERM and a terminal that was closed, as far as whoever started this command has not
/// had them ignored, as `nohup` does.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Signals([Option<tokio::signal::unix::Signal>; 3]);

#[cfg(unix)]
const NUMBERS: [u8; 3] = [2, 15, 1];

#[cfg(unix)]
impl Signals {
    /// From here on they end nothing by themselves.
    pub(crate) fn new() -> Result<Self, Failure> {
        let mut signals = [const { None }; 3];
        let ignored = ignored();
        for (signal, number) in signals.iter_mut().zip(NUMBERS) {
            if ignored & (1 << (number - 1)) == 0 {
                let listening = tokio::signal::unix::signal(i32::from(number).into());
                *signal = Some(listening.map_err(Failure::system("listen for signals"))?);
            }
        }
        Ok(Self(signals))
    }

    /// Leaves Ctrl-C to somebody else from here on.
    pub(super) fn leave_ctrl_c(&mut self) {
        self.0[0] = None;
    }

    /// The next one's number. Dropping the future loses none.
    pub(crate) async fn next(&mut self) -> u8 {
        std::future::poll_fn(|cx| {
            let came = self.0.iter_mut().zip(NUMBERS).find_map(|(signal, number)| {
                let poll = signal.as_mut()?.poll_recv(cx);
                poll.is_ready().then_some(number)
            });
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// The signals that this process ignores, one bit for each, where the system tells.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Ctrl-C.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Signals {
    ctrl_c: bool,
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self { ctrl_c: true })
    }

    pub(super) fn leave_ctrl_c(&mut self) {
        self.ctrl_c = false;
    }

    pub(crate) async fn next(&mut self) -> u8 {
        if self.ctrl_c && tokio::signal::ctrl_c().await.is_ok() {
            return 2;
        }
        std::future::pending().await
    }
}

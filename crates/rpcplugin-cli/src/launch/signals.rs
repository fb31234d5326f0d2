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
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) -> u8 {
        match tokio::signal::ctrl_c().await {
            Ok(()) => 2,
            Err(_) => std::future::pending().await,
        }
    }
}

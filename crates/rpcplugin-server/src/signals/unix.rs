use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    guard::Files,
    signals::Interrupt,
    stop::{Reason, Stop},
};

/// The signals that mean something to a plugin.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn handle(mut self, stop: Stop, files: Files, interrupt: Interrupt) {
        let mut first = true;
        loop {
            let kind = tokio::select! {
                _ = self.interrupt.recv() => {
                    if interrupt == Interrupt::Ignored {
                        tracing::info!("ignored SIGINT; the host decides when the plugin stops");
                        continue;
                    }
                    SignalKind::interrupt()
                }
                _ = self.terminate.recv() => SignalKind::terminate(),
                _ = self.hangup.recv() => SignalKind::hangup(),
            };
            if stop.host_is_gone() {
                // More than one may come with the host's end: its parent-death signal, and the
                // guard's own to the group. The guard bounds that stop.
                continue;
            }
            if !std::mem::take(&mut first) {
                super::exit(128 + kind.as_raw_value(), &files);
            }
            stop.request(Reason::Signal, None);
        }
    }
}

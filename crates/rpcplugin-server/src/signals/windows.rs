use std::io;

use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown,
};

use crate::{
    guard::Files,
    signals::Interrupt,
    stop::{Reason, Stop},
};

/// The console events that mean something to a plugin.
pub(super) struct Signals {
    interrupt: CtrlC,
    stop: CtrlBreak,
    close: CtrlClose,
    shutdown: CtrlShutdown,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            stop: ctrl_break()?,
            close: ctrl_close()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    pub(super) async fn handle(mut self, stop: Stop, files: Files, interrupt: Interrupt) {
        let mut first = true;
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => {
                    if interrupt == Interrupt::Ignored {
                        tracing::info!("ignored Ctrl-C; the host decides when the plugin stops");
                        continue;
                    }
                }
                _ = self.stop.recv() => {}
                _ = self.close.recv() => {}
                _ = self.shutdown.recv() => {}
            }
            if !std::mem::take(&mut first) {
                super::exit(1, &files);
            }
            stop.request(Reason::Signal, None);
        }
    }
}

use std::{
    io::{self, IsTerminal as _, Write as _},
    pin::pin,
    time::{Duration, Instant},
};

use crate::output::Output;

/// Shows on a terminal that something slow is under way, while it is.
///
/// It shows nothing for the first half second, in JSON, or if stderr is no terminal; and leaves
/// nothing on the screen.
pub(crate) async fn progress<T>(out: &Output, text: &str, work: impl Future<Output = T>) -> T {
    const PATIENCE: Duration = Duration::from_millis(500);
    const INTERVAL: Duration = Duration::from_millis(100);
    let mut work = pin!(work);
    if !out.is_for_people() || !io::stderr().is_terminal() {
        return work.await;
    }
    let began = Instant::now();
    let mut pause = PATIENCE;
    let mut line = Line { shown: false };
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = tokio::time::sleep(pause) => {
                pause = INTERVAL;
                line.show(format_args!("{text} … {} s", began.elapsed().as_secs()));
            }
        }
    }
}

/// A line that is written over again, and goes when it is dropped.
struct Line {
    shown: bool,
}

impl Line {
    fn show(&mut self, text: std::fmt::Arguments<'_>) {
        self.shown = true;
        let _ = write!(io::stderr(), "\r\x1b[K{text}");
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

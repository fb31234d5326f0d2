//! `rpcplugin bench`: how fast a plugin starts, answers and stops.

use std::{cell::RefCell, ffi::OsString, path::PathBuf, time::Duration};

use clap::Args;

use self::{
    load::{Load, Until},
    method::Method,
    results::{Program, Results},
    session::Session,
};
use crate::{
    failure::Failure,
    launch::{Launch, duration},
    output::{Answer, Output},
};

mod calls;
mod json;
mod load;
mod method;
mod plot;
mod progress;
mod results;
mod session;
mod show;
mod stats;
mod svg;
mod units;

/// Measure how fast a plugin starts, answers and stops.
///
/// It is started and stopped again and again, then called by as many callers at once as
/// --concurrency says. Without METHOD they ask for its health, which every plugin answers. The
/// times are those that a host sees, with what the host itself takes.
///
/// A caller makes its next call when the last one has ended (a closed loop), so that while a plugin
/// pauses, no calls are made that would have waited. With --rate calls are due at fixed times
/// instead, and what a call waits for a caller counts.
///
/// Ctrl-C ends the measuring, and shows what has been measured.
#[derive(Args, Debug)]
#[command(override_usage = "rpcplugin bench [OPTIONS] <PLUGIN> [METHOD [JSON]]\n       \
                      rpcplugin bench [OPTIONS] [METHOD [JSON]] -- <PROGRAM> [ARGUMENTS]...")]
pub(crate) struct Bench {
    /// The plugin's program; not with --attach, --connect or a program after --.
    #[arg(value_name = "PLUGIN")]
    first: Option<OsString>,
    /// The method to call, such as Get, KV.Get or kv.v1.KV/Get [default: health].
    #[arg(value_name = "METHOD")]
    second: Option<OsString>,
    /// The message to send [default: {}].
    #[arg(value_name = "JSON")]
    third: Option<OsString>,
    /// How often to start and stop it, before the start for the calls.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    starts: u32,
    /// How many calls are made at the same time.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4096))]
    concurrency: u32,
    /// How long to call, such as 10s or 500ms [default: 5s].
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "count")]
    duration: Option<Duration>,
    /// How many calls to make, instead of a duration.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// How many calls to make before those that are measured.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    warm_up: u64,
    /// Calls a second, due at fixed times, instead of as fast as they are answered.
    #[arg(long, value_name = "CALLS", value_parser = rate)]
    rate: Option<f64>,
    /// How often a streaming call sends the message.
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    messages: u32,
    /// How long a call may take.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    deadline: Duration,
    /// Measure this program too, with the same options, and compare the two.
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["attach", "connect"])]
    compare: Option<OsString>,
    /// Draw the latencies into this file.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    /// Replace the file of --plot.
    #[arg(long, requires = "plot")]
    force: bool,
    #[command(flatten)]
    launch: Box<Launch>,
}

impl Bench {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let (plugin, [method, message]) =
            self.launch.words([self.first, self.second, self.third])?;
        let method = Method::new(method, message, self.messages, self.deadline)?;
        let until = match (self.count, self.duration) {
            (Some(count), _) => Until::Count(count),
            (None, duration) => Until::Elapsed(duration.unwrap_or(Duration::from_secs(5))),
        };
        let load =
            Load { until, concurrency: self.concurrency, rate: self.rate, warm_up: self.warm_up };
        let plan = self.launch.plan(plugin)?;
        let other = self.compare.map(|program| plan.of_another(program)).transpose()?;
        let file = self.plot.map(|path| svg::File::new(path, self.force)).transpose()?;

        let plans: Vec<_> = [Some(plan), other].into_iter().flatten().collect();
        let programs =
            RefCell::new(Vec::from_iter(plans.iter().map(|plan| Program::new(plan.name()))));
        let session = Session::default();
        let outcome = session.run(async || {
            for (index, plan) in plans.iter().enumerate() {
                let measured =
                    calls::measure(&session, plan, self.starts, &method, &load, out, |found| {
                        found(&mut programs.borrow_mut()[index]);
                    });
                measured.await?;
                if session.is_stopped() {
                    break;
                }
            }
            Ok(())
        });
        let interrupted = outcome?;
        let results =
            Results { programs: programs.into_inner(), load, interrupted: interrupted.is_some() };
        if let Some(file) = file {
            file.write(&results)?;
        }
        out.show(|| json::of(&results), |f| show::results(f, &results))?;
        match interrupted {
            Some(signal) => Err(Failure::Interrupted(signal)),
            None => Ok(Answer::of(results.is_complete())),
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.001..=1e7).contains(rate));
    rate.ok_or_else(|| "expected calls a second, from 0.001 to 10000000".to_owned())
}

use std::time::{Duration, Instant};

use rpcplugin::Client;

use super::{
    load::{Callers, Load, Until},
    method::Method,
    progress::Progress,
    results::{Called, Program, Starts},
    session::Session,
    stats::Times,
};
use crate::{failure::Failure, launch::Plan, output::Output};

/// Measures one plugin, and keeps what was found as soon as it was.
pub(super) async fn measure(
    session: &Session,
    plan: &Plan,
    starts: u32,
    method: &Method,
    load: &Load,
    out: &Output,
    keep: impl Fn(Box<dyn FnOnce(&mut Program)>),
) -> Result<(), Failure> {
    if plan.starts_it() {
        measure_starts(session, plan, starts, out, &keep).await?;
    }
    if session.is_stopped() {
        return Ok(());
    }
    let plugin = plan.start().await?;
    let outcome = measure_calls(session, &plugin, method, load, out, &keep).await;
    // What a plugin that has ended already died of is told otherwise.
    let _ = plugin.shutdown().await;
    outcome
}

async fn measure_starts(
    session: &Session,
    plan: &Plan,
    count: u32,
    out: &Output,
    keep: &impl Fn(Box<dyn FnOnce(&mut Program)>),
) -> Result<(), Failure> {
    let mut found =
        Starts { start: Times::new(), handshake: Times::new(), stop: Times::new(), memory: None };
    let progress = Progress::new(out, &format!("starting {}", plan.name()), u64::from(count));
    for number in 0..count {
        let plugin = plan.start().await?;
        let timings = plugin.timings();
        found.start.add(timings.total());
        found.handshake.add(timings.handshake);
        found.memory = plugin.usage().map(|usage| usage.memory);
        let began = Instant::now();
        plugin.shutdown().await?;
        found.stop.add(began.elapsed());
        let so_far = found.clone();
        keep(Box::new(move |program| program.starts = Some(so_far)));
        progress.at(u64::from(number) + 1);
        if session.is_stopped() {
            break;
        }
    }
    Ok(())
}

async fn measure_calls(
    session: &Session,
    plugin: &Client,
    method: &Method,
    load: &Load,
    out: &Output,
    keep: &impl Fn(Box<dyn FnOnce(&mut Program)>),
) -> Result<(), Failure> {
    let mut stop = session.stop();
    let warm = async {
        let method = method.found(plugin).await?;
        for _ in 0..load.warm_up.max(1) {
            // One that cannot be made at all is an error, not a figure.
            method.call(plugin).await?;
        }
        Ok::<_, rpcplugin::Error>(method)
    };
    let method = tokio::select! {
        biased;
        () = stop.set() => return Ok(()),
        method = warm => method?,
    };

    let processor = plugin.usage().map(|usage| usage.cpu_time);
    let mut callers = Callers::start(*load, plugin, &method, &stop);
    let progress = match load.until {
        Until::Count(count) => Progress::new(out, "calling", count),
        Until::Elapsed(limit) => Progress::new(out, "calling", milliseconds(limit)),
    };
    let mut ended = None;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            biased;
            () = callers.ended() => break,
            report = plugin.exited() => {
                ended = Some(report.to_string());
                break;
            }
            _ = tick.tick() => match load.until {
                Until::Count(_) if progress.is_shown() => progress.at(callers.seen().count()),
                Until::Count(_) => {}
                Until::Elapsed(_) => progress.at(milliseconds(callers.elapsed())),
            },
        }
    }
    let elapsed = callers.elapsed();
    let usage = plugin.usage();
    let called = Called {
        calls: callers.seen(),
        elapsed,
        method: method.name(),
        streams: method.streams(),
        memory: usage.as_ref().map(|usage| usage.memory),
        processor: usage.zip(processor).map(|(now, before)| now.cpu_time.saturating_sub(before)),
    };
    keep(Box::new(move |program| {
        program.calls = Some(called);
        program.ended = ended;
    }));
    Ok(())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

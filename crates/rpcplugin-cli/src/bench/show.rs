use std::io::{self, Write};

use super::{
    load::Until,
    plot,
    results::{Called, Program, Results, Starts},
    stats::{NAMES, Times},
    units,
};
use crate::output::{BAD, FAINT, STRONG};

/// Everything, for people.
pub(super) fn results(f: &mut dyn Write, results: &Results) -> io::Result<()> {
    for (index, program) in results.programs.iter().enumerate() {
        if index > 0 {
            writeln!(f)?;
        }
        show(f, results, program)?;
    }
    if let [one, two] = &*results.programs {
        compare(f, one, two)?;
    }
    if results.interrupted {
        writeln!(f, "\n{BAD}interrupted{BAD:#}: this is what had been measured")?;
    }
    Ok(())
}

fn show(f: &mut dyn Write, results: &Results, program: &Program) -> io::Result<()> {
    writeln!(f, "{STRONG}{}{STRONG:#}", program.name)?;
    if program.starts.is_none() && program.calls.is_none() {
        return writeln!(f, "  nothing was measured");
    }
    write!(f, "{FAINT}{:16}", "")?;
    for name in NAMES {
        write!(f, "{name:>9}")?;
    }
    writeln!(f, "{FAINT:#}")?;
    if let Some(starts) = &program.starts {
        show_starts(f, starts)?;
    }
    if let Some(called) = &program.calls {
        show_calls(f, results, called)?;
    }
    if let Some(ended) = &program.ended {
        writeln!(f, "\n{BAD}the plugin ended{BAD:#}: {ended}")?;
    }
    Ok(())
}

fn show_starts(f: &mut dyn Write, starts: &Starts) -> io::Result<()> {
    row(f, "start", &starts.start)?;
    row(f, "  handshake", &starts.handshake)?;
    row(f, "stop", &starts.stop)?;
    let memory =
        starts.memory.map(|memory| format!(", {} of memory after one", units::bytes(memory)));
    writeln!(f, "  {} starts{}", units::count(starts.start.count()), memory.unwrap_or_default())
}

fn show_calls(f: &mut dyn Write, results: &Results, called: &Called) -> io::Result<()> {
    let Called { calls, .. } = called;
    row(f, called.method.as_deref().map_or("health", last), &calls.latency)?;
    if called.streams {
        row(f, "  first reply", &calls.first_reply)?;
    }
    let at_once = match (results.load.concurrency, results.load.rate) {
        (_, Some(rate)) => format!("due {rate} times a second"),
        (1, None) => "one after another".to_owned(),
        (many, None) => format!("{many} at once"),
    };
    writeln!(
        f,
        "  {} calls in {}, {at_once}: {STRONG}{}{STRONG:#} a second",
        units::count(calls.count()),
        units::time(called.elapsed),
        units::count(called.per_second().round() as u64),
    )?;
    if called.streams {
        writeln!(
            f,
            "  {} replies, {} a second",
            units::count(calls.replies),
            units::count(called.replies_per_second().round() as u64)
        )?;
    }
    if let Some(memory) = called.memory {
        write!(f, "  {} of memory after them", units::bytes(memory))?;
        match called.processor_per_call() {
            Some(time) => writeln!(f, ", {} of processor time a call", units::time(time))?,
            None => writeln!(f)?,
        }
    }
    for (code, count) in &calls.failed {
        writeln!(f, "  {BAD}{} failed{BAD:#}: {code}", units::count(*count))?;
    }
    if let Until::Count(wanted) = results.load.until
        && calls.count() < wanted
    {
        writeln!(f, "  {} more were not made", units::count(wanted - calls.count()))?;
    }
    if calls.latency.count() > 0 {
        writeln!(f)?;
        plot::draw(f, &calls.latency)?;
    }
    Ok(())
}

fn row(f: &mut dyn Write, name: &str, times: &Times) -> io::Result<()> {
    let Some(summary) = times.summary() else { return Ok(()) };
    write!(f, "{name:16}")?;
    for time in summary {
        write!(f, "{:>9}", units::time(time))?;
    }
    writeln!(f)
}

/// The name of a method without its service.
fn last(name: &str) -> &str {
    name.rsplit(['/', '.']).next().unwrap_or(name)
}

/// How the second does, with the first as the measure.
fn compare(f: &mut dyn Write, one: &Program, two: &Program) -> io::Result<()> {
    let starts = |program: &Program, of: fn(&Starts) -> &Times| {
        program
            .starts
            .as_ref()
            .and_then(|starts| of(starts).median())
            .map(|time| time.as_secs_f64())
    };
    let calls = |program: &Program| {
        program
            .calls
            .as_ref()
            .and_then(|called| called.calls.latency.median())
            .map(|time| time.as_secs_f64())
    };
    let per_second = |program: &Program| program.calls.as_ref().map(Called::per_second);
    let memory = |program: &Program| {
        let called = program.calls.as_ref().and_then(|called| called.memory);
        called.or(program.starts.as_ref()?.memory).map(|memory| memory as f64)
    };
    let pairs = [
        ("start", starts(one, |s| &s.start), starts(two, |s| &s.start)),
        ("stop", starts(one, |s| &s.stop), starts(two, |s| &s.stop)),
        ("call", calls(one), calls(two)),
        ("calls a second", per_second(one), per_second(two)),
        ("memory", memory(one), memory(two)),
    ];
    writeln!(f, "\n{STRONG}{} against {}{STRONG:#}, by the medians", two.name, one.name)?;
    for (name, one, two) in pairs {
        if let (Some(one), Some(two)) = (one.filter(|one| *one > 0.0), two) {
            writeln!(f, "  {name:14}{:>7.2} times", two / one)?;
        }
    }
    Ok(())
}

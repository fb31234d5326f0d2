//! A pair whose host is written for these tests: it checks its plugin by itself.

use std::{ffi::OsString, fs};

use anyhow::Result;

use super::{
    outcome::{Check, Outcome},
    pairs::Pair,
    scratch::Scratch,
};
use crate::tools;

/// Runs the host with the pair's options and the plugin's command.
///
/// It prints each check as a line of JSON, and exits with 0 if all have passed.
pub(super) fn run(pair: &Pair, host: &[OsString], plugin: &[OsString]) -> Result<Outcome> {
    let scratch = Scratch::new(pair)?;
    let limits: Vec<_> = pair.limits().into_iter().map(|(check, _)| check).collect();
    let options: [&str; 7] = [
        "--tls",
        pair.tls.argument(),
        "--network",
        pair.network.word(),
        "--skip",
        &limits.join(","),
        "--",
    ];
    let options: Vec<OsString> = options.iter().map(Into::into).collect();
    let ended = scratch.run(&[host, &options, plugin].concat(), &[])?;
    let mut checks =
        ended.lines.iter().map(|line| Check::parse(line)).collect::<Result<Vec<_>>>()?;
    // A host that fails without saying which check did has crashed.
    let told = checks.iter().any(|check| !check.passed);
    match ended.status {
        Some(status) if status.success() || told => {}
        status => {
            let how =
                status.map_or_else(|| "killed, for taking too long".into(), |s| s.to_string());
            let log = fs::read_to_string(scratch.log()).unwrap_or_default();
            let detail = format!("{how}, after {}: {}", last(&checks), tools::last_lines(&log));
            checks.push(Check { name: "host".into(), passed: false, detail });
        }
    }
    checks.extend(scratch.check_nothing_left(pair));
    scratch.keep(&checks)?;
    Ok(Outcome::of(checks))
}

fn last(checks: &[Check]) -> String {
    checks.last().map_or_else(|| "no check".into(), |check| format!("the check {:?}", check.name))
}

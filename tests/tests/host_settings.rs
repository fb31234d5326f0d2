//! Every setting that a host reads changes what the host does, whoever sets it: F-CONF-1, F-CONF-16.
//!
//! A case observes the effect of one setting, and runs once for each way to set it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "host_settings/effects.rs"]
mod effects;
#[path = "host_settings/old_server.rs"]
mod old_server;
#[path = "host_settings/papers.rs"]
mod papers;
#[path = "host_settings/process.rs"]
mod process;
#[path = "host_settings/protection.rs"]
mod protection;
#[path = "host_settings/sources.rs"]
mod sources;
#[path = "host_settings/ways.rs"]
mod ways;

use std::collections::BTreeSet;

use rpcplugin::config::{Reader, Setting};

#[test]
fn every_setting_of_hosts_has_a_case() {
    let rows: BTreeSet<_> =
        Setting::ALL.iter().copied().filter(|one| one.reader() != Reader::Plugin).collect();
    let cases = [effects::CASES, process::CASES, protection::CASES, &sources::CASES].concat();
    let covered: BTreeSet<_> = cases.into_iter().collect();
    let without: Vec<_> = rows.difference(&covered).map(|one| one.variable()).collect();
    let foreign: Vec<_> = covered.difference(&rows).map(|one| one.variable()).collect();
    assert_eq!((without, foreign), (vec![], vec![]), "without a case, and no setting of hosts");
}

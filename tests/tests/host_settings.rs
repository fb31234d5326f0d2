//! Every setting that a host reads changes what the host does, whoever sets it: F-CONF-1, F-CONF-16.
//!
//! A case observes the effect of one setting, and runs once for each way to set it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "host_settings/effects.rs"]
mod effects;
#[path = "host_settings/process.rs"]
mod process;
#[path = "host_settings/protection.rs"]
mod protection;
#[path = "host_settings/ways.rs"]
mod ways;

use std::collections::BTreeSet;

use rpcplugin::config::{Reader, Setting};

/// What this host has no part in, and who has.
const NOT_OBSERVED: &[(Setting, &str)] = &[
    (
        Setting::GrpcMaxConcurrentStreams,
        "of a host it bounds side channels alone, and no test observes that",
    ),
    (Setting::CertValidityDays, "the program that makes certificates gives it to its CertManager"),
    (Setting::CertRotationDays, "the program that renews certificates gives it to its CertManager"),
];

#[test]
fn every_setting_of_hosts_has_a_case() {
    let rows: BTreeSet<_> =
        Setting::ALL.iter().copied().filter(|one| one.reader() != Reader::Plugin).collect();
    let cases = [effects::CASES, process::CASES, protection::CASES].concat().into_iter();
    let covered: BTreeSet<_> = cases.chain(NOT_OBSERVED.iter().map(|(one, _)| *one)).collect();
    let without: Vec<_> = rows.difference(&covered).map(|one| one.variable()).collect();
    let foreign: Vec<_> = covered.difference(&rows).map(|one| one.variable()).collect();
    assert_eq!((without, foreign), (vec![], vec![]), "without a case, and no setting of hosts");
}

use std::{io, time::Duration};

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::{Finding, Report, Verdict};

/// The report in the form that CI systems read. A broken *should* is a success with a remark:
/// the format has no word for warnings.
pub(crate) fn junit(report: &Report, took: Duration) -> io::Result<Vec<u8>> {
    let mut suite = TestSuite::new("rpcplugin check");
    suite.add_test_cases(report.findings.iter().map(case));
    suite.set_time(took);
    let mut junit = Junit::new("rpcplugin check");
    junit.add_test_suite(suite);
    let mut xml = Vec::new();
    junit.serialize(&mut xml).map_err(io::Error::other)?;
    Ok(xml)
}

fn case(finding: &Finding) -> TestCase {
    let rule = finding.rule;
    let status = match finding.verdict {
        Verdict::Pass | Verdict::Warn => TestCaseStatus::success(),
        Verdict::Fail => {
            let mut failure = TestCaseStatus::non_success(NonSuccessKind::Failure);
            failure.set_type(rule.level.as_str()).set_message(finding.seen.as_str());
            failure.set_description(format!(
                "{}\nseen: {}\nfix: {}\nrule: docs/wire-format.md, {}",
                rule.title, finding.seen, rule.fix, rule.section
            ));
            failure
        }
        Verdict::NotApplicable => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(finding.seen.as_str());
            skipped
        }
    };
    let mut case = TestCase::new(rule.id, status);
    case.set_classname(rule.section);
    if finding.verdict == Verdict::Warn {
        case.set_system_out(format!("warning: {}\nfix: {}", finding.seen, rule.fix));
    }
    case
}

//! How values of options are written.

use std::{fmt::Display, time::Duration};

use rpcplugin::client::Network;

pub(crate) fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|_| "expected unix or tcp".to_owned())
}

/// A list as a variable has it.
pub(crate) fn list(items: &[impl Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// What `PLUGIN_START_TIMEOUT` may be.
pub(crate) fn start_timeout(text: &str) -> Result<Duration, String> {
    let limits = Duration::from_millis(100)..=Duration::from_secs(3600);
    let limit = duration(text)?;
    limits.contains(&limit).then_some(limit).ok_or_else(|| "expected 100ms to 1h".to_owned())
}

/// A time span as settings have it: seconds, or a number with a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a time such as 10s, 500ms, 2m or 1.5 (seconds)";
    const UNITS: [(&str, f64); 5] =
        [("ms", 0.001), ("us", 0.000_001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let text = text.trim();
    let found = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (number, factor) = found.unwrap_or((text, 1.0));
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = number.parse::<f64>().ok().filter(|_| is_plain).map(|count| count * factor);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| EXPECTED.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        let read = duration(text).ok();
        assert_eq!(read, expected.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn time_spans_have_units_or_are_seconds() {
        check("500ms", Some(500));
        check("10s", Some(10_000));
        check("2m", Some(120_000));
        check("1h", Some(3_600_000));
        check("1.5", Some(1_500));
        check(" 3 ", Some(3_000));
        for wrong in ["", "s", "-1", "1e3", "inf", "NaN", "1d", "1 0", "1..2"] {
            check(wrong, None);
        }
    }
}

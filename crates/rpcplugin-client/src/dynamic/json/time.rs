//! Points in time and spans of it, between their text and their messages.

use prost_types::{Duration, Timestamp};

/// From 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, in seconds since 1970.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// About ten thousand years, in seconds.
const LONGEST: i64 = 315_576_000_000;

/// Reads RFC 3339, in capitals, with at most nine digits of a second's fraction.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    let has_date = digits(0..4) && is(4, b'-') && digits(5..7) && is(7, b'-') && digits(8..10);
    let has_time = is(10, b'T') && digits(11..13) && is(13, b':') && digits(14..16);
    if !(has_date && has_time && is(16, b':') && digits(17..19)) {
        return None;
    }
    let rest = &text[19..];
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if !(1..=9).contains(&count) {
                return None;
            }
            &fraction[count..]
        }
        None => rest,
    };
    let is_zone = match zone.as_bytes() {
        b"Z" => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    // The calendar is protobuf's own crate's.
    let time: Timestamp = Some(text).filter(|_| is_zone)?.parse().ok()?;
    TIMES.contains(&time.seconds).then_some(time)
}

/// The text of a point in time, in UTC; `None` if it is out of range.
pub(super) fn timestamp_text(time: Timestamp) -> Option<String> {
    let is_valid = TIMES.contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos);
    is_valid.then(|| time.to_string())
}

/// Reads seconds with an `s` at the end, and at most nine digits of a fraction.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let text = text.strip_suffix('s')?;
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = whole.parse().ok().filter(|seconds| *seconds <= LONGEST)?;
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    let sign = if negative { -1 } else { 1 };
    Some(Duration { seconds: seconds * i64::from(sign), nanos: nanos * sign })
}

/// The text of a span of time; `None` if it is out of range, or its parts have two signs.
pub(super) fn duration_text(span: Duration) -> Option<String> {
    let Duration { seconds, nanos } = span;
    let in_range =
        seconds.unsigned_abs() <= LONGEST.unsigned_abs() && nanos.unsigned_abs() < 1_000_000_000;
    let one_sign = seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0);
    if !in_range || !one_sign {
        return None;
    }
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (seconds.unsigned_abs(), nanos.unsigned_abs());
    Some(match nanos {
        0 => format!("{sign}{seconds}s"),
        _ if nanos % 1_000_000 == 0 => format!("{sign}{seconds}.{:03}s", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => format!("{sign}{seconds}.{:06}s", nanos / 1_000),
        _ => format!("{sign}{seconds}.{nanos:09}s"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_survive_text_and_back() {
        for text in [
            "0s",
            "-0.500s",
            "1.000001s",
            "315576000000s",
            "-315576000000.999999999s",
            "3.000000001s",
        ] {
            assert_eq!(duration_text(duration(text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn spans_of_two_signs_or_beyond_the_range_have_no_text() {
        assert_eq!(duration_text(Duration { seconds: 1, nanos: -1 }), None);
        assert_eq!(duration_text(Duration { seconds: LONGEST + 1, nanos: 0 }), None);
        assert_eq!(duration_text(Duration { seconds: i64::MIN, nanos: i32::MIN }), None);
    }

    #[test]
    fn points_in_time_beyond_the_range_have_no_text() {
        assert_eq!(timestamp_text(Timestamp { seconds: i64::MIN, nanos: 0 }), None);
        assert_eq!(timestamp_text(Timestamp { seconds: 0, nanos: -1 }), None);
        assert_eq!(timestamp_text(Timestamp { seconds: 0, nanos: 1_000_000_000 }), None);
    }
}

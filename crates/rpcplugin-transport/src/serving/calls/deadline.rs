use std::time::Duration;

use http::HeaderMap;

/// The time that a caller allows: the `grpc-timeout` header, up to eight digits and a unit.
/// Anything else counts as none, as in other gRPC servers.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 60 * 60),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Duration>) {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", text.parse().unwrap());
        assert_eq!(of(&headers), expected, "{text:?}");
    }

    #[test]
    fn the_units_of_grpc_are_read() {
        check("2H", Some(Duration::from_secs(7200)));
        check("3M", Some(Duration::from_secs(180)));
        check("99999999S", Some(Duration::from_secs(99_999_999)));
        check("15m", Some(Duration::from_millis(15)));
        check("7u", Some(Duration::from_micros(7)));
        check("0n", Some(Duration::ZERO));
    }

    #[test]
    fn other_texts_are_no_deadline() {
        for text in ["", "S", "5", "5x", "-5S", "+5S", "123456789S", "5 S"] {
            check(text, None);
        }
        assert_eq!(of(&HeaderMap::new()), None);
    }
}

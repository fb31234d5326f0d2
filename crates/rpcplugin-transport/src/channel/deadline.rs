use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use rpcplugin_core::TransportError;
use tokio::time::Instant;

/// When a call must have ended, and who said so.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Origin {
    /// The caller's `grpc-timeout`.
    Request(Duration),
    /// The channel's `request_timeout`.
    Channel(Duration),
}

impl Deadline {
    /// The request's own deadline, or else the channel's, which the plugin then learns too.
    pub(super) fn of(headers: &mut HeaderMap, channel: Option<Duration>) -> Option<Self> {
        let own = headers.get(GRPC_TIMEOUT).and_then(parse).map(Origin::Request);
        let origin = own.or(channel.map(Origin::Channel))?;
        if let Origin::Channel(timeout) = origin
            && let Ok(value) = HeaderValue::from_str(&format(timeout))
        {
            headers.insert(GRPC_TIMEOUT, value);
        }
        // A timeout beyond the clock's range is as good as none.
        let at = Instant::now().checked_add(origin.timeout())?;
        Some(Self { at, origin })
    }

    /// What a call ends with that passed it.
    pub(super) fn passed(&self) -> TransportError {
        TransportError::Deadline { origin: self.origin.to_string() }
    }
}

impl Origin {
    const fn timeout(self) -> Duration {
        match self {
            Self::Request(timeout) | Self::Channel(timeout) => timeout,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(timeout) => write!(f, "the caller allowed {timeout:?}"),
            Self::Channel(timeout) => write!(f, "request_timeout allows {timeout:?}"),
        }
    }
}

/// Up to eight digits and a unit. Anything else counts as no deadline.
fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// The finest unit in which the number has at most eight digits.
fn format(timeout: Duration) -> String {
    const MOST: u128 = 99_999_999;
    let units = [
        (timeout.as_nanos(), 'n'),
        (timeout.as_micros(), 'u'),
        (timeout.as_millis(), 'm'),
        (timeout.as_secs().into(), 'S'),
        (u128::from(timeout.as_secs()) / 60, 'M'),
        (u128::from(timeout.as_secs()) / 3600, 'H'),
    ];
    let (number, unit) =
        units.into_iter().find(|(number, _)| *number <= MOST).unwrap_or((MOST, 'H'));
    format!("{number}{unit}")
}

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_grpc_specification_has_them() {
        let read = |text: &str| parse(&HeaderValue::from_str(text).unwrap());
        assert_eq!(read("5S"), Some(Duration::from_secs(5)));
        assert_eq!(read("99999999m"), Some(Duration::from_millis(99_999_999)));
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        for text in ["", "S", "5", "5s", "-5S", "123456789S", "1 S", "\u{e9}"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for timeout in
            [Duration::from_nanos(1), Duration::from_millis(1500), Duration::from_secs(86_400)]
        {
            assert_eq!(parse(&HeaderValue::from_str(&format(timeout)).unwrap()), Some(timeout));
        }
        assert!(format(Duration::MAX).len() <= 9);
    }

    #[tokio::test]
    async fn the_requests_own_deadline_wins() {
        let mut headers = HeaderMap::new();
        assert!(Deadline::of(&mut headers, None).is_none());
        let channel = Some(Duration::from_secs(1));
        let origin = Deadline::of(&mut headers, channel).unwrap().origin;
        assert_eq!(origin, Origin::Channel(Duration::from_secs(1)));
        assert_eq!(headers[GRPC_TIMEOUT], "1000000u");
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static("9S"));
        let origin = Deadline::of(&mut headers, channel).unwrap().origin;
        assert_eq!(origin, Origin::Request(Duration::from_secs(9)));
    }
}

use std::{ffi::OsStr, ops::RangeInclusive};

use crate::ConfigError;

/// Which TCP ports a plugin may listen on.
///
/// # Example
///
/// ```
/// use rpcplugin_core::env::PortRange;
///
/// let range = PortRange::parse(Some("10000".as_ref()), Some("10002".as_ref()))?;
/// assert_eq!(range, PortRange::Within(10000..=10002));
/// assert_eq!(PortRange::parse(None, None)?, PortRange::System);
/// # Ok::<(), rpcplugin_core::ConfigError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum PortRange {
    /// Whatever the system gives.
    System,
    /// One of these, tried in random order, each once.
    Within(RangeInclusive<u16>),
}

impl PortRange {
    /// The range that a host's builder names; 0 and 0 let the system choose.
    ///
    /// # Errors
    ///
    /// `CONFIG_PORT_RANGE` if the minimum lies above the maximum, or only one of them is 0.
    pub fn new(ports: RangeInclusive<u16>) -> Result<Self, ConfigError> {
        let (min, max) = (*ports.start(), *ports.end());
        let range = match Self::impossible(min, max) {
            Some(reason) => Err(reason),
            None => Self::from_bounds(Some(min), Some(max)),
        };
        range.map_err(|reason| ConfigError::PortRange {
            min: min.to_string(),
            max: max.to_string(),
            reason,
        })
    }

    /// Why a host cannot have this range. What reaches a plugin may come from a host that passes
    /// one zero on, and is read by the rules of [`parse`](Self::parse).
    pub(crate) const fn impossible(min: u16, max: u16) -> Option<&'static str> {
        match (min, max) {
            (0, 0) => None,
            (0, _) | (_, 0) => Some("0 lets the system choose, and only at both ends"),
            _ if min > max => Some("the minimum lies above the maximum"),
            _ => None,
        }
    }

    /// Reads `PLUGIN_MIN_PORT` and `PLUGIN_MAX_PORT`; `docs/wire-format.md` has the table.
    ///
    /// # Errors
    ///
    /// `CONFIG_PORT_RANGE` if one is not a number up to 65535, or the minimum lies above the
    /// maximum.
    pub fn parse(min: Option<&OsStr>, max: Option<&OsStr>) -> Result<Self, ConfigError> {
        let shown =
            |port: Option<&OsStr>| crate::escape_text(&port.unwrap_or_default().to_string_lossy());
        let refuse = |reason| ConfigError::PortRange { min: shown(min), max: shown(max), reason };
        let read = |port: Option<&OsStr>| match port {
            None => Ok(None),
            Some(port) => port
                .to_str()
                .and_then(|port| port.parse::<u16>().ok())
                .map(Some)
                .ok_or_else(|| refuse("not a number from 0 to 65535")),
        };
        Self::from_bounds(read(min)?, read(max)?).map_err(refuse)
    }

    fn from_bounds(min: Option<u16>, max: Option<u16>) -> Result<Self, &'static str> {
        /// Ports below this one want privileges.
        const FIRST_FREE: u16 = 1024;
        match (min, max) {
            (None | Some(0), None | Some(0)) => Ok(Self::System),
            (Some(min), None) => Ok(Self::Within(min..=u16::MAX)),
            (None | Some(0), Some(max)) if max < FIRST_FREE => {
                Err("without a minimum, ports start at 1024")
            }
            (None | Some(0), Some(max)) => Ok(Self::Within(FIRST_FREE..=max)),
            (Some(min), Some(max)) if min > max => Err("the minimum lies above the maximum"),
            (Some(min), Some(max)) => Ok(Self::Within(min..=max)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(min: &str, max: &str) -> Result<PortRange, ConfigError> {
        let given = |port: &str| (!port.is_empty()).then(|| port.to_owned().into());
        let (min, max): (Option<std::ffi::OsString>, Option<std::ffi::OsString>) =
            (given(min), given(max));
        PortRange::parse(min.as_deref(), max.as_deref())
    }

    #[test]
    fn the_table_of_the_protocol_holds() {
        assert_eq!(parse("", "").unwrap(), PortRange::System);
        assert_eq!(parse("0", "0").unwrap(), PortRange::System);
        assert_eq!(parse("5000", "").unwrap(), PortRange::Within(5000..=65535));
        assert_eq!(parse("", "5000").unwrap(), PortRange::Within(1024..=5000));
        assert_eq!(parse("0", "5000").unwrap(), PortRange::Within(1024..=5000));
        assert_eq!(parse("7", "9").unwrap(), PortRange::Within(7..=9));
    }

    #[test]
    fn impossible_ranges_are_refused() {
        for (min, max) in
            [("9", "7"), ("x", ""), ("", "70000"), ("-1", "5"), ("9", "0"), ("", "80")]
        {
            assert_eq!(parse(min, max).unwrap_err().code(), "CONFIG_PORT_RANGE", "{min:?} {max:?}");
        }
    }
}

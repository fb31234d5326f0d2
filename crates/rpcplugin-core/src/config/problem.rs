//! What is wrong with a configuration, collected, so that one attempt shows all of it.

use super::{Setting, Source};
use crate::{ConfigError, Error, SecurityError};

/// Longest value in a message, in characters.
const SHOWN: usize = 80;

/// A value that a setting cannot have.
pub(super) fn invalid(setting: Setting, shown: String, source: Source) -> ConfigError {
    let shown = if setting.is_secret() {
        super::Secret::REDACTED.to_owned()
    } else {
        let cut: String = shown.chars().take(SHOWN).collect();
        let dots = if cut.len() < shown.len() { "…" } else { "" };
        crate::escape_text(&cut) + dots
    };
    ConfigError::Setting { setting, value: shown.into(), from: Box::new(source) }
}

/// Nothing, or one error for all.
///
/// # Errors
///
/// The problem itself if it is the only one. Otherwise the first one's code; those of the kind
/// Config come first, so that code and kind agree.
pub(super) fn outcome(problems: Vec<Error>) -> Result<(), Error> {
    let (config, mut security): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|error| matches!(error, Error::Config { .. }));
    match (config.len(), security.len()) {
        (0, 0) => Ok(()),
        (0, 1) => Err(security.remove(0)),
        (0, _) => {
            let problems = security.into_iter().filter_map(|error| match error {
                Error::Security { source, .. } => Some(source),
                _ => None,
            });
            Err(SecurityError::Several { problems: problems.collect() }.into())
        }
        (1, 0) => config.into_iter().next().map_or(Ok(()), Err),
        _ => {
            let problems = config.into_iter().chain(security).collect();
            Err(ConfigError::Several { problems }.into())
        }
    }
}

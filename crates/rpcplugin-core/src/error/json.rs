//! Where in a configuration the trouble is, for machines.

use serde_json::{Value, json};

use super::{ConfigError, Error, SecurityError};

/// Adds `place`, where a file is to blame, and `problems`, where there are several.
pub(super) fn add_details(error: &Error, object: &mut Value) {
    let problems: Vec<Value> = match error {
        Error::Config { source: ConfigError::Several { problems }, .. } => {
            problems.iter().map(Error::to_json).collect()
        }
        Error::Security { source: SecurityError::Several { problems }, .. } => {
            problems.iter().map(|problem| Error::from(problem.clone()).to_json()).collect()
        }
        Error::Config { source, .. } => {
            if let Some((place, _)) = source.place() {
                object["place"] = json!({
                    "file": place.path().to_string_lossy(),
                    "line": place.line(),
                    "column": place.column(),
                });
            }
            return;
        }
        _ => return,
    };
    object["problems"] = problems.into();
}

use std::{collections::BTreeSet, fmt};

use crate::ConfigError;

/// The application versions that one side knows, ascending and without repeats.
///
/// 0 is a version; the largest is 2³¹-1, because that is what every peer can read.
///
/// # Example
///
/// ```
/// use rpcplugin_core::VersionSet;
///
/// let plugin: VersionSet = [1, 2, 5].into_iter().collect();
/// let host: VersionSet = [2, 3].into_iter().collect();
/// assert_eq!(plugin.answer(Some(&host)), Some(2));
/// assert_eq!(plugin.answer(None), Some(1), "no list: the lowest");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VersionSet(BTreeSet<u32>);

impl VersionSet {
    /// Largest version on the wire.
    pub const MAX: u32 = i32::MAX as u32;

    /// Builds a set from what a caller listed, refusing what cannot work.
    ///
    /// # Errors
    ///
    /// `CONFIG_PROTOCOL_VERSIONS` if there is none, one twice, or one above [`VersionSet::MAX`].
    pub fn new(versions: impl IntoIterator<Item = u32>) -> Result<Self, ConfigError> {
        let mut set = BTreeSet::new();
        for version in versions {
            let refuse = |reason| ConfigError::ProtocolVersions { version: Some(version), reason };
            if version > Self::MAX {
                return Err(refuse("above 2147483647"));
            }
            if !set.insert(version) {
                return Err(refuse("given twice"));
            }
        }
        if set.is_empty() {
            return Err(ConfigError::ProtocolVersions { version: None, reason: "none given" });
        }
        Ok(Self(set))
    }

    /// Whether this version is in the set.
    #[must_use]
    pub fn contains(&self, version: u32) -> bool {
        self.0.contains(&version)
    }

    /// The versions, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied()
    }

    /// What a plugin with these versions answers to a host: the highest that both know, or its
    /// own lowest if there is none or the host sent no list. `None` only for an empty set.
    ///
    /// go-plugin v1.8.0, `server.go:187-221`.
    #[must_use]
    pub fn answer(&self, host: Option<&Self>) -> Option<u32> {
        let common = host.and_then(|host| self.0.iter().rev().find(|v| host.contains(**v)));
        common.or_else(|| self.0.first()).copied()
    }

    /// The list as it stands in `PLUGIN_PROTOCOL_VERSIONS`: ascending, joined by commas.
    #[must_use]
    pub fn to_env(&self) -> String {
        self.to_string().replace(' ', "")
    }

    /// The versions as a list, for messages.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u32> {
        self.iter().collect()
    }
}

impl FromIterator<u32> for VersionSet {
    fn from_iter<I: IntoIterator<Item = u32>>(versions: I) -> Self {
        Self(versions.into_iter().collect())
    }
}

impl fmt::Display for VersionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, version) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(", ")?;
            }
            version.fmt(f)?;
        }
        Ok(())
    }
}

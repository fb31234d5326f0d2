use std::{collections::BTreeMap, sync::LazyLock};

use clap::builder::PossibleValue;
use rpcplugin::MagicCookie;
use serde::Deserialize;

use crate::failure::Failure;

/// What the hosts of a well-known application give their plugins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preset {
    /// Whose plugins these are.
    about: String,
    key: String,
    /// Any value will do if there is none.
    value: Option<String>,
    pub(crate) versions: Vec<u32>,
    /// What such plugins need in their environment besides.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// Where all of this is written down.
    #[expect(dead_code, reason = "for whoever doubts the file")]
    source: String,
}

/// By name.
static ALL: LazyLock<BTreeMap<String, Preset>> = LazyLock::new(|| {
    toml::from_str(include_str!("presets.toml"))
        .expect("the file is compiled in, and a test reads it")
});

impl Preset {
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.get(name)
    }

    pub(crate) fn cookie(&self) -> Result<MagicCookie, Failure> {
        Ok(match &self.value {
            Some(value) => MagicCookie::from_parts(self.key.clone(), value.clone()),
            None => MagicCookie::random(self.key.clone())?,
        })
    }
}

/// The names with their meaning, for the command line.
pub(crate) fn names() -> impl Iterator<Item = PossibleValue> {
    ALL.iter().map(|(name, preset)| PossibleValue::new(name.as_str()).help(&*preset.about))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_has_a_cookie_that_works_and_versions() {
        for (name, preset) in &*ALL {
            let cookie = preset.cookie().unwrap();
            assert!(cookie.value_for_launch().is_ok(), "{name}");
            assert!(!preset.versions.is_empty(), "{name}");
            assert!(Preset::named(name).is_some());
        }
        assert!(Preset::named("nothing").is_none());
    }
}

use super::{Setting, Value};

/// Values in their own types, as a program or a builder sets them.
///
/// Each setting has a method under the name of its accessor. The values are checked when they
/// become part of a [`Config`](super::Config).
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use rpcplugin_core::{Config, config::Values};
///
/// let values = Values::new().handshake_timeout(Duration::from_secs(5)).insecure(true);
/// let environment = [("PLUGIN_HANDSHAKE_TIMEOUT", "7")];
/// let config = Config::builder().program(values).environment(environment).build()?;
/// assert_eq!(config.handshake_timeout(), Duration::from_secs(7), "the environment wins");
/// assert!(config.insecure());
/// # Ok::<(), rpcplugin_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Values {
    pub(super) values: Vec<(Setting, Value)>,
    pub(super) tls_demand: Option<&'static str>,
}

impl Values {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self { values: Vec::new(), tls_demand: None }
    }

    /// Sets one; the latest counts.
    #[must_use]
    pub fn with(mut self, setting: Setting, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.values.retain(|(present, _)| *present != setting);
        self.values.push((setting, value));
        self
    }

    /// Leaves one to the other layers again.
    #[must_use]
    pub fn without(mut self, setting: Setting) -> Self {
        self.values.retain(|(present, _)| *present != setting);
        self
    }

    /// Says that the program demands TLS by other means than settings, `by` which: certificates
    /// that it gives as values. No layer may choose plaintext beside it.
    #[must_use]
    pub const fn tls_demanded(mut self, by: &'static str) -> Self {
        self.tls_demand = Some(by);
        self
    }

    /// These, and over them the others'.
    pub(super) fn merged(self, over: Self) -> Self {
        let tls_demand = over.tls_demand.or(self.tls_demand);
        let all = over.values.into_iter();
        let merged = all.fold(self, |merged, (setting, value)| merged.with(setting, value));
        Self { tls_demand, ..merged }
    }

    /// Takes one out if it has the setting's type; of another, it stays and is refused with the
    /// others.
    pub(super) fn take(&mut self, setting: Setting) -> Option<Value> {
        let fits = matches!(
            (setting, self.get(setting)?),
            (Setting::Files, Value::Paths(_)) | (Setting::Profile, Value::Text(_))
        );
        let place = self.values.iter().position(|(present, _)| fits && *present == setting)?;
        Some(self.values.remove(place).1)
    }

    /// What was set, if it was.
    #[must_use]
    pub fn get(&self, setting: Setting) -> Option<&Value> {
        self.values.iter().find(|(present, _)| *present == setting).map(|(_, value)| value)
    }
}

use std::{borrow::Cow, ffi::OsStr, fmt};

use subtle::ConstantTimeEq as _;

use crate::{Config, ConfigError, env};

/// Proof that a plugin was launched on purpose: a variable's name and its value.
///
/// Host and plugin share one, usually as a `const`. The host sets the variable for its plugin,
/// and the plugin refuses to serve without it. That keeps people from starting a plugin by hand
/// and wondering; it is **not** authentication, because every process of the user can read it.
/// Mutual TLS is.
///
/// `Debug` shows the key and never the value.
///
/// # Example
///
/// ```
/// use rpcplugin_core::MagicCookie;
///
/// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
/// assert!(COOKIE.accepts(Some("e2b6a1".as_ref())));
/// assert!(!COOKIE.accepts(Some("other".as_ref())));
/// assert!(!COOKIE.accepts(None));
/// assert_eq!(format!("{COOKIE:?}"), r#"MagicCookie { key: "KV_PLUGIN_COOKIE", value: [redacted] }"#);
/// ```
#[derive(Clone)]
pub struct MagicCookie {
    key: Cow<'static, str>,
    value: Value,
}

#[derive(Clone)]
enum Value {
    Exactly(Cow<'static, str>),
    Any,
}

impl MagicCookie {
    /// The cookie with this variable name and value. Both must not be empty; `spawn` and `serve`
    /// check that.
    #[must_use]
    pub const fn new(key: &'static str, value: &'static str) -> Self {
        Self { key: Cow::Borrowed(key), value: Value::Exactly(Cow::Borrowed(value)) }
    }

    /// The same from values that are known only at run time.
    #[must_use]
    pub fn from_parts(
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { key: key.into(), value: Value::Exactly(value.into()) }
    }

    /// The cookie of the settings: `PLUGIN_MAGIC_COOKIE_KEY` and `PLUGIN_MAGIC_COOKIE_VALUE`.
    ///
    /// # Errors
    ///
    /// `CONFIG_COOKIE` if the settings have no value for it.
    pub fn from_config(config: &Config) -> Result<Self, ConfigError> {
        let key = config.magic_cookie_key();
        let value = config.magic_cookie_value().ok_or_else(|| ConfigError::Cookie {
            key: crate::escape_text(key),
            reason: "PLUGIN_MAGIC_COOKIE_VALUE is not set",
        })?;
        Ok(Self::from_parts(key.to_owned(), value.expose().to_owned()))
    }

    /// A host's cookie with a random value, for plugins that accept [`MagicCookie::any_value`].
    ///
    /// # Errors
    ///
    /// `CONFIG_COOKIE` if the system has no random numbers.
    pub fn random(key: impl Into<Cow<'static, str>>) -> Result<Self, ConfigError> {
        let key = key.into();
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| ConfigError::Cookie {
            key: key.to_string(),
            reason: "the system gave no random number",
        })?;
        let value = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(Self { key, value: Value::Exactly(value.into()) })
    }

    /// A plugin's cookie that accepts any value that is not empty. A host cannot send it.
    #[must_use]
    pub fn any_value(key: impl Into<Cow<'static, str>>) -> Self {
        Self { key: key.into(), value: Value::Any }
    }

    /// The name of the variable.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value that a host puts into its plugin's environment; never show it.
    ///
    /// # Errors
    ///
    /// As [`MagicCookie::check`], and `CONFIG_COOKIE` for [`MagicCookie::any_value`].
    pub fn value_for_launch(&self) -> Result<&str, ConfigError> {
        self.check()?;
        match &self.value {
            Value::Exactly(value) => Ok(value),
            Value::Any => Err(self.refuse("a host needs a value to send")),
        }
    }

    /// Whether this cookie can work at all.
    ///
    /// # Errors
    ///
    /// `CONFIG_COOKIE` if key or value is empty, the key is no variable name or one that the
    /// protocol uses itself, or the value holds control characters.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.key.is_empty() {
            return Err(self.refuse("the key is empty"));
        }
        if self.key.contains(['=', '\0']) {
            return Err(self.refuse("the key holds = or NUL"));
        }
        if env::is_launch_variable(&self.key) {
            return Err(self.refuse("the key is a variable of the handshake"));
        }
        match &self.value {
            Value::Exactly(value) if value.is_empty() => Err(self.refuse("the value is empty")),
            Value::Exactly(value) if value.contains(char::is_control) => {
                Err(self.refuse("the value holds a control character"))
            }
            Value::Exactly(_) | Value::Any => Ok(()),
        }
    }

    /// Whether a plugin with this cookie serves a host that set `candidate`. Takes the same time
    /// for every wrong value of one length.
    #[must_use]
    pub fn accepts(&self, candidate: Option<&OsStr>) -> bool {
        let candidate = candidate.unwrap_or_default().as_encoded_bytes();
        match &self.value {
            Value::Exactly(value) if value.is_empty() => false,
            Value::Exactly(value) => value.as_bytes().ct_eq(candidate).into(),
            Value::Any => !candidate.is_empty(),
        }
    }

    fn refuse(&self, reason: &'static str) -> ConfigError {
        ConfigError::Cookie { key: crate::escape_text(&self.key), reason }
    }
}

impl fmt::Debug for MagicCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MagicCookie")
            .field("key", &self.key)
            .field("value", &format_args!("[redacted]"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(cookie: &MagicCookie, message: &str) {
        let error = cookie.check().unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.code(), "CONFIG_COOKIE");
    }

    #[test]
    fn cookies_that_cannot_work_are_refused() {
        refused(&MagicCookie::new("", "v"), r#"magic cookie "" cannot work: the key is empty"#);
        refused(&MagicCookie::new("K", ""), r#"magic cookie "K" cannot work: the value is empty"#);
        refused(
            &MagicCookie::new("PLUGIN_CLIENT_CERT", "v"),
            r#"magic cookie "PLUGIN_CLIENT_CERT" cannot work: the key is a variable of the handshake"#,
        );
        assert!(MagicCookie::any_value("K").value_for_launch().is_err());
    }

    #[test]
    fn an_empty_value_accepts_nothing() {
        assert!(!MagicCookie::new("K", "").accepts(Some(OsStr::new(""))));
        assert!(!MagicCookie::any_value("K").accepts(Some(OsStr::new(""))));
        assert!(MagicCookie::any_value("K").accepts(Some(OsStr::new("x"))));
    }

    #[test]
    fn random_cookies_differ_and_do_not_show() {
        let (a, b) = (MagicCookie::random("K").unwrap(), MagicCookie::random("K").unwrap());
        assert_ne!(a.value_for_launch().unwrap(), b.value_for_launch().unwrap());
        assert!(!format!("{a:?}").contains(a.value_for_launch().unwrap()));
    }
}

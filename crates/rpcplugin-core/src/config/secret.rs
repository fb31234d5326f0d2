use std::fmt;

use zeroize::Zeroizing;

/// Text that is shown nowhere: `Debug` and `Display` write `[redacted]`, and dropping it wipes it.
///
/// # Example
///
/// ```
/// use rpcplugin_core::config::Secret;
///
/// let secret = Secret::from("e2b6a1");
/// assert_eq!(secret.expose(), "e2b6a1");
/// assert_eq!(format!("{secret} {secret:?}"), "[redacted] [redacted]");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// What it stands for wherever it would show.
    pub(crate) const REDACTED: &'static str = "[redacted]";

    /// Takes over a text that is wiped already.
    pub(crate) const fn wiping(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text itself. It is the caller's to keep it out of logs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl PartialEq for Secret {
    /// Takes as long for equal texts as for different ones of the same length.
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REDACTED)
    }
}

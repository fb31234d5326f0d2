use std::str::FromStr;

use serde::Serialize;

use super::model::Service;

/// What proves that a plugin was started on purpose; no secret.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cookie {
    key: String,
    value: String,
}

impl Cookie {
    /// The one of an interface, so that host and plugin of the same one agree without a word.
    pub(super) fn of(services: &[Service]) -> Self {
        let name = services.first().map_or("", |service| &service.full_name);
        let word = name.rsplit('.').next().unwrap_or_default();
        let key: String = word
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        Self { key: format!("{key}_PLUGIN_COOKIE"), value: name.to_owned() }
    }
}

impl FromStr for Cookie {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (key, value) = text.split_once('=').ok_or("a cookie is written KEY=VALUE")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            || !key.chars().all(plain)
        {
            return Err("the key of a cookie is the name of a variable: letters, digits and _");
        }
        if value.is_empty()
            || !value.chars().all(|c| c.is_ascii_graphic() && !"\"\\'`$".contains(c))
        {
            return Err("the value of a cookie has characters that can be seen, and no quotes, \
                        dollar signs or backslashes");
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_a_variable_and_its_value() {
        let cookie: Cookie = "MY_COOKIE=a=b".parse().unwrap();
        assert_eq!((&*cookie.key, &*cookie.value), ("MY_COOKIE", "a=b"));
        for text in
            ["", "KEY", "KEY=", "=value", "1KEY=value", "K-Y=value", "KEY=a b", "KEY=\"", "KEY=\\"]
        {
            assert!(text.parse::<Cookie>().is_err(), "{text}");
        }
    }
}

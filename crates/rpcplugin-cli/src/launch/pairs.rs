//! Options of the form KEY=VALUE. What cannot be read is not shown: it may hold a secret.

use std::ffi::{OsStr, OsString};

use rpcplugin::MagicCookie;

use crate::failure::Failure;

pub(crate) fn cookie(pair: &OsStr) -> Result<MagicCookie, Failure> {
    let pair = pair.to_str().and_then(|text| text.split_once('='));
    let Some((key, value)) = pair.filter(|(key, _)| !key.is_empty()) else {
        return Err(Failure::usage(
            "the value of --cookie is not KEY=VALUE",
            "KEY is the variable's name, such as TF_PLUGIN_MAGIC_COOKIE",
        ));
    };
    Ok(MagicCookie::from_parts(key.to_owned(), value.to_owned()))
}

/// A variable for the plugin; one without a value has that of this process.
pub(crate) fn variable(pair: &OsStr) -> Result<(OsString, OsString), Failure> {
    let bytes = pair.as_encoded_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=');
    let name = pair.to_str().map(|text| text.split('=').next().unwrap_or_default());
    let (Some(name), Some(text)) = (name.filter(|name| !name.is_empty()), pair.to_str()) else {
        return Err(Failure::usage(
            "a value of --env is not KEY=VALUE",
            "KEY is the variable's name, and both are text",
        ));
    };
    if let Some(at) = at {
        return Ok((name.into(), text[at + 1..].into()));
    }
    std::env::var_os(name).map(|value| (name.into(), value)).ok_or_else(|| {
        let shown = rpcplugin::core::escape_text(name);
        Failure::usage(
            format!("the environment of this command has no {shown}"),
            "--env KEY passes a variable on, --env KEY=VALUE sets one",
        )
    })
}

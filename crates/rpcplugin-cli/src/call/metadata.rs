use std::ffi::OsStr;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use rpcplugin::{
    client::CallOptions,
    core::escape_text,
    tonic::metadata::{KeyAndValueRef, MetadataMap},
};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// Reads padded and unpadded base64, and writes it padded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Adds KEY=VALUE. A value may be a secret, so none is shown.
pub(super) fn add(options: CallOptions, pair: &OsStr) -> Result<CallOptions, Failure> {
    let pair = pair.to_str().and_then(|text| text.split_once('='));
    let Some((key, value)) = pair else {
        return Err(Failure::usage(
            "a value of --metadata is not KEY=VALUE",
            "KEY is made of lowercase letters, digits, -, _ and .",
        ));
    };
    if !key.ends_with("-bin") {
        return Ok(options.metadata(key, value));
    }
    let bytes = BASE64.decode(value).map_err(|_| {
        Failure::usage(
            format!("the value of {} is not base64", escape_text(key)),
            "metadata whose key ends with -bin is binary",
        )
    })?;
    Ok(options.binary_metadata(key, bytes))
}

/// Each name with its values, in the order in which they came.
fn values(metadata: &MetadataMap) -> impl Iterator<Item = (&str, String)> {
    metadata.iter().map(|entry| match entry {
        KeyAndValueRef::Ascii(name, value) => {
            (name.as_str(), rpcplugin::core::escape(value.as_encoded_bytes()))
        }
        KeyAndValueRef::Binary(name, value) => {
            let bytes = value.to_bytes().unwrap_or_default();
            (name.as_str(), BASE64.encode(bytes))
        }
    })
}

pub(super) fn lines(metadata: &MetadataMap) -> impl Iterator<Item = String> {
    values(metadata).map(|(name, value)| format!("{name}: {value}"))
}

/// A list for each name, since one may come several times.
pub(super) fn to_json(metadata: &MetadataMap) -> Value {
    let mut all: Map<String, Value> = Map::new();
    for (name, value) in values(metadata) {
        match all.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(list) => list.push(value.into()),
            _ => continue,
        }
    }
    Value::Object(all)
}

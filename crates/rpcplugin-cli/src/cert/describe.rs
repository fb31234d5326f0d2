//! Certificates for people and for programs.

use std::{
    io::{self, Write},
    path::Path,
    time::SystemTime,
};

use rpcplugin::tls::CertInfo;
use serde_json::{Value, json};

use super::place::Pair;
use crate::{
    failure::Failure,
    output::{Output, STRONG},
};

/// Says what was written.
pub(super) fn made(out: &Output, pair: &Pair, info: &CertInfo) -> Result<(), Failure> {
    out.show(
        || made_to_json(pair, info),
        |f| {
            writeln!(f, "wrote {}", pair.certificate.display())?;
            writeln!(f, "wrote {}, the private key", pair.key.display())?;
            lines(f, info)
        },
    )
}

pub(super) fn made_to_json(pair: &Pair, info: &CertInfo) -> Value {
    json!({ "certificate": to_json(&pair.certificate, info), "key": pair.key.to_string_lossy() })
}

/// What stands in a certificate of a file.
pub(super) fn to_json(file: &Path, info: &CertInfo) -> Value {
    // The text is the library's own JSON.
    let mut object: Value = serde_json::from_str(&info.to_json()).unwrap_or_default();
    object["file"] = file.to_string_lossy().into();
    object["days_left"] = days_left(info).into();
    object
}

pub(super) fn lines(f: &mut dyn Write, info: &CertInfo) -> io::Result<()> {
    let days = days_left(info);
    let left = match days {
        days if days < 0 => "expired".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    writeln!(f, "{info}\ntime left:   {STRONG}{left}{STRONG:#}")
}

const DAY: u64 = 24 * 60 * 60;

/// Whether it has no more than this many days left.
pub(super) fn ends_within(info: &CertInfo, days: u32) -> bool {
    info.ends_within(days, SystemTime::now())
}

/// Whole days of validity; -1 if there is none.
pub(super) fn days_left(info: &CertInfo) -> i64 {
    match info.time_left(SystemTime::now()) {
        Some(left) => i64::try_from(left.as_secs() / DAY).unwrap_or(i64::MAX),
        None => -1,
    }
}

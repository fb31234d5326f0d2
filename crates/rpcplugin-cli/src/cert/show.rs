use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use rpcplugin::{core::SecurityError, tls::CertInfo};
use serde_json::json;

use super::{describe, params::settings, place};
use crate::{
    failure::Failure,
    output::{Answer, BAD, Output, STRONG},
};

/// Nothing that is shown is larger: a bundle of all public authorities has 250 KB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Show what stands in certificates, with the time that they have left.
#[derive(Args, Debug)]
pub(super) struct Show {
    /// Files in PEM or DER, or - for stdin; without any, those of the directory of certificates.
    files: Vec<PathBuf>,
    /// The directory of certificates [default: PLUGIN_MTLS_CERT_DIR].
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    dir: Option<PathBuf>,
    /// Exit with 1 if one of them has no more than this many days left, or has expired. A root
    /// that was superseded does not count.
    #[arg(long, value_name = "DAYS")]
    within: Option<u32>,
}

impl Show {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let mut shown = Vec::new();
        for file in self.files()? {
            let certificates = read(&file)?;
            for (index, info) in certificates.iter().enumerate() {
                let superseded = is_superseded(info, &certificates[..index]);
                shown.push(Shown { file: file.clone(), info: info.clone(), superseded });
            }
        }
        let ends_soon = |one: &Shown| {
            let ends = |days| describe::ends_within(&one.info, days);
            !one.superseded && self.within.is_some_and(ends)
        };
        let none_ends = !shown.iter().any(ends_soon);
        let json = || {
            let certificates = shown.iter().map(|one| {
                let mut object = describe::to_json(&one.file, &one.info);
                object["ends_soon"] = self.within.map(|_| ends_soon(one)).into();
                object["superseded"] = one.superseded.into();
                object
            });
            json!({
                "within_days": self.within,
                "certificates": certificates.collect::<Vec<_>>(),
            })
        };
        out.show(json, |f| {
            for (index, one) in shown.iter().enumerate() {
                let gap = if index == 0 { "" } else { "\n" };
                writeln!(f, "{gap}{STRONG}{}{STRONG:#}", one.file.display())?;
                describe::lines(f, &one.info)?;
                if one.superseded {
                    writeln!(f, "superseded by the one before it, which lasts longer")?;
                }
                if ends_soon(one) {
                    writeln!(f, "{BAD}ends soon{BAD:#}")?;
                }
            }
            Ok(())
        })?;
        Ok(Answer::of(none_ends))
    }

    fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        if !self.files.is_empty() {
            return Ok(self.files.clone());
        }
        let directory = place::existing(self.dir.clone(), &settings()?)?;
        let files = ["ca", "host", "server"].map(|name| directory.join(name).with_extension("crt"));
        let present: Vec<_> = files.into_iter().filter(|file| file.exists()).collect();
        match present.is_empty() {
            true => Err(Failure::reading(&directory)(io::Error::new(
                io::ErrorKind::NotFound,
                "it holds neither ca.crt nor host.crt nor server.crt",
            ))),
            false => Ok(present),
        }
    }
}

/// A certificate, and where it stands.
struct Shown {
    file: PathBuf,
    info: CertInfo,
    /// A root that its successor keeps company for a while.
    superseded: bool,
}

/// Whether one of those before it in its file is a root of the same name that lasts longer: its
/// end is nobody's concern.
fn is_superseded(info: &CertInfo, before: &[CertInfo]) -> bool {
    let is_root = |one: &CertInfo| one.is_authority && one.subject == one.issuer;
    is_root(info)
        && before.iter().any(|other| {
            is_root(other) && other.subject == info.subject && other.not_after > info.not_after
        })
}

fn read(path: &Path) -> Result<Vec<CertInfo>, Failure> {
    let mut bytes = Vec::new();
    let read = match path == Path::new("-") {
        true => io::stdin().lock().take(LARGEST).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes)),
    };
    read.map_err(Failure::reading(path))?;
    let is_pem = bytes.windows(11).any(|window| window == b"-----BEGIN ");
    let read = match is_pem {
        true => CertInfo::chain_from_pem(&bytes),
        false => CertInfo::from_der(&bytes).map(|one| vec![one]),
    };
    Ok(read.map_err(|error| match error {
        SecurityError::CertInvalid { reason } => {
            SecurityError::CertInvalid { reason: format!("{}: {reason}", path.display()) }
        }
        error => error,
    })?)
}

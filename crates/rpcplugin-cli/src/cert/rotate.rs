use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use clap::Args;
use rpcplugin::{
    Config,
    tls::{CertDirectory, CertInfo, Certificate, Identity},
};
use serde_json::{Value, json};

use super::{
    describe,
    params::{Role, settings},
    place::{self, Pair},
};
use crate::{
    failure::Failure,
    output::{Answer, GOOD, Output},
};

/// Renew what is in a directory of certificates, if it is due.
///
/// A new certificate has a new key, and subject, names, usage and kind of key of the one before.
/// Programs that run take it up by themselves if they have a `CertManager`.
///
/// A root that is due gets a successor, and host and server certificates of it with it. Its old
/// certificate stays in ca.crt, so that peers trust both until the next successor.
#[derive(Args, Debug)]
pub(super) struct Rotate {
    /// The directory of certificates [default: PLUGIN_MTLS_CERT_DIR].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Renew with this many days left: 30, or PLUGIN_CERT_ROTATION_DAYS.
    #[arg(long, value_name = "DAYS")]
    within: Option<u32>,
    /// How many days new certificates of host and server stay valid: 365, or
    /// PLUGIN_CERT_VALIDITY_DAYS.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10957))]
    days: Option<u32>,
    /// How many days a new root stays valid.
    #[arg(long, default_value_t = 3652, value_parser = clap::value_parser!(u32).range(1..=10957))]
    ca_days: u32,
    /// Renew host and server whether or not they are due.
    #[arg(long)]
    force: bool,
    /// With --force, renew the root too.
    #[arg(long, requires = "force")]
    ca: bool,
}

impl Rotate {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let settings = settings()?;
        let path = place::existing(self.dir.clone(), &settings)?;
        // Refuses a directory that others can enter.
        let directory = CertDirectory::open(&path)?;
        let mut steps = Vec::new();

        // Before those it issues: whoever reads in between trusts both.
        let root = directory.renew_authority(self.ca_days, |info| {
            self.ca || self.is_due(info, self.ca_days, &settings)
        });
        let (renew_root, refused) = match root {
            Ok(successor) => (successor.is_some(), None),
            // Those below it may still be renewed.
            Err(error) => (false, Some(error)),
        };
        let authority = directory.authority()?;
        steps.push(Step::new(&path, "ca", renew_root, authority.certificate()));
        for role in Role::ALL {
            let pair = Pair::within(&path, role.name());
            if !pair.certificate.exists() {
                continue;
            }
            let days = self.days.unwrap_or_else(|| settings.cert_validity_days());
            let renewed = directory.renew(role.of_directory(), days, |info| {
                renew_root || self.force || self.is_due(info, days, &settings)
            })?;
            let is_renewed = renewed.is_some();
            let now = match renewed {
                Some(new) => new,
                None => Identity::load(pair.certificate.as_path(), pair.key.as_path())?,
            };
            steps.push(Step::new(&path, role.name(), is_renewed, now.certificate()));
        }
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        out.show(
            || json!({ "certificates": steps.iter().map(Step::to_json).collect::<Vec<_>>() }),
            |f| {
                steps.iter().try_for_each(|step| {
                    let done = if step.renewed { "renewed" } else { "kept" };
                    let color = if step.renewed { GOOD } else { anstyle::Style::new() };
                    let file = step.pair.certificate.display();
                    let days = describe::days_left(&step.info);
                    writeln!(f, "{file}: {color}{done}{color:#}, {days} days left")
                })
            },
        )?;
        Ok(Answer::Yes)
    }

    fn is_due(&self, info: &CertInfo, new: u32, settings: &Config) -> bool {
        match (self.within, settings.cert_rotation_days()) {
            (Some(days), _) => describe::ends_within(info, days),
            (None, Some(days)) => info.is_due(days, new, SystemTime::now()),
            (None, None) => false,
        }
    }
}

/// What became of one certificate.
struct Step {
    name: &'static str,
    pair: Pair,
    renewed: bool,
    info: CertInfo,
}

impl Step {
    fn new(directory: &Path, name: &'static str, renewed: bool, certificate: &Certificate) -> Self {
        let pair = Pair::within(directory, name);
        Self { name, pair, renewed, info: CertInfo::of(certificate) }
    }

    fn to_json(&self) -> Value {
        let mut object = describe::made_to_json(&self.pair, &self.info);
        object["name"] = self.name.into();
        object["renewed"] = self.renewed.into();
        object
    }
}

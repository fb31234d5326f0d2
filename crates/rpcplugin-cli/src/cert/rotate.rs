use std::path::{Path, PathBuf};

use clap::Args;
use rpcplugin::{
    Config,
    tls::{CertAuthority, CertDirectory, CertInfo, Certificate, Identity, IdentityParams},
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
        let directory = CertDirectory::new(&path)?;
        let mut authority = directory.authority()?;
        let mut steps = Vec::new();

        let info = CertInfo::of(authority.certificate());
        let renew_root = self.ca || self.is_due(&info, &settings);
        if renew_root {
            // Before those it issues: whoever reads in between trusts both.
            authority = authority.successor(self.ca_days)?;
            directory.save_authority(&authority)?;
        }
        steps.push(Step::new(&path, "ca", renew_root, authority.certificate()));
        for role in Role::ALL {
            let pair = Pair::within(&path, role.name());
            if !pair.certificate.exists() {
                continue;
            }
            let old = Identity::load(pair.certificate.as_path(), pair.key.as_path())?;
            let due = self.is_due(&CertInfo::of(old.certificate()), &settings);
            let renew = renew_root || self.force || due;
            let now = match renew {
                true => self.renew(&authority, &old, &pair, &settings)?,
                false => old,
            };
            steps.push(Step::new(&path, role.name(), renew, now.certificate()));
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

    fn is_due(&self, info: &CertInfo, settings: &Config) -> bool {
        let within = self.within.or_else(|| settings.cert_rotation_days());
        within.is_some_and(|days| describe::ends_within(info, days))
    }

    fn renew(
        &self,
        authority: &CertAuthority,
        old: &Identity,
        pair: &Pair,
        settings: &Config,
    ) -> Result<Identity, Failure> {
        let days = self.days.unwrap_or_else(|| settings.cert_validity_days());
        let params = IdentityParams::renewing(old.certificate())?.validity_days(days);
        let new = authority.issue(&params)?;
        new.save(&pair.certificate, &pair.key)?;
        Ok(new)
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

use std::path::PathBuf;

use clap::Args;
use rpcplugin::tls::{CertAuthority, CertInfo, Identity};

use super::{
    describe,
    params::{Holder, Role, settings},
    place::{self, Pair, Target},
};
use crate::{
    failure::Failure,
    output::{Answer, Output},
};

/// Make a key, and a certificate for it that it signs itself.
///
/// The other side must be told to trust exactly this certificate.
#[derive(Args, Debug)]
pub(super) struct Generate {
    /// Whose it is; not needed with --cert and --key.
    role: Option<Role>,
    #[command(flatten)]
    to: Target,
    #[command(flatten)]
    holder: Holder,
}

impl Generate {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let settings = settings()?;
        let pair = self.to.pair(self.role.map(Role::name), &settings)?;
        let identity = Identity::generate(&self.holder.params(self.role, &settings))?;
        save(out, &pair, &identity)
    }
}

/// Make a key, and have an authority issue a certificate for it.
#[derive(Args, Debug)]
pub(super) struct Issue {
    /// Whose it is; not needed with --cert and --key.
    role: Option<Role>,
    #[command(flatten)]
    to: Target,
    #[command(flatten)]
    holder: Holder,
    /// The authority's certificate, instead of ca.crt in the directory of certificates.
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca_cert: Option<PathBuf>,
    /// The authority's key, instead of ca.key in the directory of certificates.
    #[arg(long, value_name = "FILE", requires = "ca_cert")]
    ca_key: Option<PathBuf>,
}

impl Issue {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let settings = settings()?;
        let ca = match (self.ca_cert, self.ca_key) {
            (Some(certificate), Some(key)) => Pair { certificate, key },
            _ => Pair::within(&place::existing(self.to.directory(), &settings)?, "ca"),
        };
        let authority = CertAuthority::load(ca.certificate, ca.key)?;
        let pair = self.to.pair(self.role.map(Role::name), &settings)?;
        let identity = authority.issue(&self.holder.params(self.role, &settings))?;
        save(out, &pair, &identity)
    }
}

fn save(out: &Output, pair: &Pair, identity: &Identity) -> Result<Answer, Failure> {
    identity.save(&pair.certificate, &pair.key)?;
    describe::made(out, pair, &CertInfo::of(identity.certificate()))?;
    Ok(Answer::Yes)
}

use std::path::PathBuf;

use clap::Args;
use rpcplugin::tls::{AuthorityParams, CertAuthority, CertInfo};

use super::{
    describe,
    params::{KeyTypeWord, settings},
    place::Target,
};
use crate::{
    failure::Failure,
    output::{Answer, Output},
};

/// Make an authority: a root, or with --parent-cert and --parent-key an intermediate.
#[derive(Args, Debug)]
pub(super) struct Ca {
    #[command(flatten)]
    to: Target,
    /// The subject's common name. Two authorities should not share one.
    #[arg(long, value_name = "NAME", default_value = "rpcplugin CA")]
    common_name: String,
    /// The subject's organization.
    #[arg(long, value_name = "NAME", default_value = "rpcplugin")]
    organization: String,
    /// How many days it stays valid.
    #[arg(long, default_value_t = 3652, value_parser = clap::value_parser!(u32).range(1..=10957))]
    days: u32,
    /// How many authorities may follow one another below it; any number if not given.
    #[arg(long, value_name = "COUNT")]
    path_length: Option<u8>,
    /// The kind of key: p256, or PLUGIN_CERT_KEY_TYPE.
    #[arg(long, value_enum)]
    key_type: Option<KeyTypeWord>,
    /// The certificate of the authority that issues this one.
    #[arg(long, value_name = "FILE", requires = "parent_key")]
    parent_cert: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "parent_cert")]
    parent_key: Option<PathBuf>,
}

impl Ca {
    pub(super) fn run(self, out: &Output) -> Result<Answer, Failure> {
        let settings = settings()?;
        let pair = self.to.pair(Some("ca"), &settings)?;
        let mut params = AuthorityParams::new(self.common_name)
            .organization(self.organization)
            .validity_days(self.days)
            .key_type(KeyTypeWord::or_setting(self.key_type, &settings));
        if let Some(length) = self.path_length {
            params = params.path_length(length);
        }
        let authority = match (self.parent_cert, self.parent_key) {
            (Some(certificate), Some(key)) => {
                CertAuthority::load(certificate, key)?.intermediate(&params)?
            }
            _ => CertAuthority::create(&params)?,
        };
        authority.save(&pair.certificate, &pair.key)?;
        describe::made(out, &pair, &CertInfo::of(authority.certificate()))?;
        Ok(Answer::Yes)
    }
}

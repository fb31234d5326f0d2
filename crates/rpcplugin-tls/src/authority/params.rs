use std::time::Duration;

use crate::{DAY, KeyType, Provider};

/// What [`CertAuthority::create`](crate::CertAuthority::create) makes: by default P-256, valid
/// for ten years, with any number of authorities below it.
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthorityParams {
    pub(super) organization: String,
    pub(super) common_name: String,
    pub(super) lifetime: Duration,
    pub(super) path_length: Option<u8>,
    pub(super) key_type: KeyType,
    pub(super) provider: Provider,
}

impl AuthorityParams {
    /// An authority of this name. Two authorities should not share one.
    pub fn new(common_name: impl Into<String>) -> Self {
        Self {
            organization: "rpcplugin".into(),
            common_name: common_name.into(),
            lifetime: 3652 * DAY,
            path_length: None,
            key_type: KeyType::default(),
            provider: Provider::default(),
        }
    }

    /// The subject's organization: `rpcplugin`.
    pub fn organization(mut self, organization: impl Into<String>) -> Self {
        self.organization = organization.into();
        self
    }

    /// How many days from now it stays valid: 3652.
    pub fn validity_days(mut self, days: u32) -> Self {
        self.lifetime = days * DAY;
        self
    }

    /// How many authorities may follow one another below it: any number. With 0 it issues for
    /// hosts and plugins alone.
    pub fn path_length(mut self, length: u8) -> Self {
        self.path_length = Some(length);
        self
    }

    /// The kind of key: P-256.
    pub fn key_type(mut self, key_type: KeyType) -> Self {
        self.key_type = key_type;
        self
    }

    /// What makes the key and signs: ring.
    pub fn provider(mut self, provider: Provider) -> Self {
        self.provider = provider;
        self
    }
}

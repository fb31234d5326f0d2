use std::sync::Arc;

use crate::{
    CertManager, Crls, Identity, Roots, San, TlsVersion,
    manager::{Present, Version},
};

/// Mutual TLS with certificates that an operator supplies, the same for host and plugin: what this
/// side presents, and which authorities it trusts.
///
/// Chains, dates and, by the host, names are checked in the ordinary way. A certificate is
/// demanded of either side; there is no setting that makes one optional. Nothing that the peer
/// announces changes whom this side trusts. Clones are the same, and only they are equal.
///
/// # Example
///
/// ```
/// # fn files() -> Option<[Vec<u8>; 3]> { None }
/// use rpcplugin_tls::{CustomTls, Identity, Roots};
///
/// # let Some([certificates, key, authorities]) = files() else { return Ok(()) };
/// let identity = Identity::from_pem(&certificates, &key)?;
/// let tls = CustomTls::new(identity, Roots::from_pem(&authorities)?).server_name("kv.internal");
/// # Ok::<(), rpcplugin_core::SecurityError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CustomTls(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    source: Source,
    crls: Option<Crls>,
    names: Option<Arc<[San]>>,
    server_name: String,
    min_version: TlsVersion,
}

/// Where identity and roots come from.
#[derive(Clone, Debug)]
enum Source {
    Given(Identity, Roots),
    Managed(Arc<Present>),
    /// The same, and the manager goes on.
    Following(CertManager),
}

/// What one handshake presents and accepts.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Two snapshots of one version are the same.
    pub(crate) version: Version,
    pub(crate) identity: Identity,
    pub(crate) trust: Trust,
}

/// Whose certificates are accepted.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    pub(crate) roots: Roots,
    pub(crate) crls: Option<Crls>,
    /// Of which the peer must bear one; any name will do if there is no list.
    pub(crate) names: Option<Arc<[San]>>,
}

impl CustomTls {
    /// Presents `identity`, and trusts whoever has a certificate under one of the `roots`.
    #[must_use]
    pub fn new(identity: Identity, roots: Roots) -> Self {
        Self::from(Source::Given(identity, roots))
    }

    /// Presents and trusts what the manager holds at the time of each handshake, also when the
    /// manager has been dropped.
    #[must_use]
    pub fn managed(manager: &CertManager) -> Self {
        Self::from(Source::Managed(manager.present().clone()))
    }

    /// The same, and keeps the manager at work for as long as there is a clone of this, such as
    /// that of a plugin or of a server.
    #[must_use]
    pub fn following(manager: CertManager) -> Self {
        Self::from(Source::Following(manager))
    }

    /// The manager, if this [follows](Self::following) one.
    #[must_use]
    pub fn manager(&self) -> Option<&CertManager> {
        match &self.0.source {
            Source::Following(manager) => Some(manager),
            Source::Given(..) | Source::Managed(_) => None,
        }
    }

    fn from(source: Source) -> Self {
        Self(Arc::new(Inner {
            source,
            crls: None,
            names: None,
            server_name: "localhost".to_owned(),
            min_version: TlsVersion::default(),
        }))
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.0);
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// The name, or IP literal, that the plugin's certificate must bear: `localhost`. Only hosts
    /// look at it.
    #[must_use]
    pub fn server_name(self, name: impl Into<String>) -> Self {
        self.with(|inner| inner.server_name = name.into())
    }

    /// Names of which a peer's certificate must bear one: any name. Both sides look at it, the
    /// host beside [`server_name`](Self::server_name).
    ///
    /// Names are compared whole, DNS names without regard to case; a certificate's `*.internal`
    /// stands for every name with one label more. With an empty list nobody is accepted.
    #[must_use]
    pub fn allowed_names(self, names: impl IntoIterator<Item = San>) -> Self {
        self.with(|inner| inner.names = Some(names.into_iter().collect()))
    }

    /// Revocation lists, beside those of a manager: none. [`Crls`] says how strict they are.
    #[must_use]
    pub fn crls(self, crls: Crls) -> Self {
        self.with(|inner| inner.crls = Some(crls))
    }

    /// The oldest TLS that is spoken: 1.2.
    #[must_use]
    pub fn min_version(self, version: TlsVersion) -> Self {
        self.with(|inner| inner.min_version = version)
    }

    /// The same, unless something newer is the oldest already: a demand is never lowered.
    #[must_use]
    pub fn at_least(self, version: TlsVersion) -> Self {
        self.with(|inner| inner.min_version = inner.min_version.max(version))
    }

    /// What this side presents now.
    #[must_use]
    pub fn identity(&self) -> Identity {
        match &self.0.source {
            Source::Given(identity, _) => identity.clone(),
            Source::Managed(present) => present.identity(),
            Source::Following(manager) => manager.identity(),
        }
    }

    pub(crate) fn version(&self) -> Version {
        match &self.0.source {
            Source::Given(..) => Version::default(),
            Source::Managed(present) => present.version(),
            Source::Following(manager) => manager.present().version(),
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (version, identity, roots, crls) = match &self.0.source {
            Source::Given(identity, roots) => {
                (Version::default(), identity.clone(), roots.clone(), None)
            }
            Source::Managed(present) => present.take(),
            Source::Following(manager) => manager.present().take(),
        };
        let crls = match (&self.0.crls, crls) {
            (Some(given), Some(managed)) => Some(given.and(&managed)),
            (given, managed) => managed.or_else(|| given.clone()),
        };
        let names = self.0.names.clone();
        Snapshot { version, identity, trust: Trust { roots, crls, names } }
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.server_name
    }

    pub(crate) fn oldest(&self) -> TlsVersion {
        self.0.min_version
    }
}

impl PartialEq for CustomTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CustomTls {}

use std::sync::Arc;

use crate::{Identity, Roots};

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
    identity: Identity,
    roots: Roots,
    server_name: String,
}

impl CustomTls {
    /// Presents `identity`, and trusts whoever has a certificate under one of the `roots`.
    #[must_use]
    pub fn new(identity: Identity, roots: Roots) -> Self {
        Self(Arc::new(Inner { identity, roots, server_name: "localhost".to_owned() }))
    }

    /// The name, or IP literal, that the plugin's certificate must bear: `localhost`. Only hosts
    /// look at it.
    #[must_use]
    pub fn server_name(self, name: impl Into<String>) -> Self {
        let inner = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Inner { server_name: name.into(), ..inner }))
    }

    /// What this side presents.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    pub(crate) fn roots(&self) -> &Roots {
        &self.0.roots
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.server_name
    }
}

impl PartialEq for CustomTls {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CustomTls {}

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use rpcplugin_core::ConfigError;
use rustls::crypto::CryptoProvider;

use crate::KeyType;

mod p521;

/// Which cryptography makes the keys and runs the handshakes. Never installed process-wide.
///
/// # Example
///
/// ```
/// use rpcplugin_tls::{Identity, IdentityParams, Provider};
///
/// let identity = Identity::generate(&IdentityParams::new().provider(Provider::Ring))?;
/// # Ok::<(), rpcplugin_core::SecurityError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Provider {
    /// ring, with P-521 signatures verified too, as peers of go-plugin make them. It cannot make
    /// P-521 keys. The default in every build.
    #[default]
    Ring,
    /// aws-lc-rs, which also makes P-521 keys. Its first random number takes about 30 ms unless
    /// the program is built with `AWS_LC_SYS_NO_JITTER_ENTROPY=1`.
    #[cfg(feature = "aws-lc-rs")]
    #[cfg_attr(docsrs, doc(cfg(feature = "aws-lc-rs")))]
    AwsLcRs,
    /// The caller's own: [`Provider::custom`].
    #[cfg(feature = "custom-provider")]
    #[cfg_attr(docsrs, doc(cfg(feature = "custom-provider")))]
    Custom(CustomProvider),
}

/// Cryptography that the caller brought along.
#[cfg(feature = "custom-provider")]
#[cfg_attr(docsrs, doc(cfg(feature = "custom-provider")))]
#[derive(Clone, Debug)]
pub struct CustomProvider(Arc<CryptoProvider>);

impl Provider {
    /// The caller's own: it signs, verifies and runs the handshakes. rustls knows no way to make
    /// keys, so ring makes them, and hands them over as PKCS#8.
    ///
    /// It must verify what the peer's certificate is signed with; go-plugin's are signed with
    /// P-521 and SHA-512.
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use rpcplugin_tls::{Identity, IdentityParams, Provider, rustls::crypto};
    ///
    /// let own = Provider::custom(Arc::new(crypto::ring::default_provider()));
    /// let identity = Identity::generate(&IdentityParams::new().provider(own))?;
    /// # Ok::<(), rpcplugin_core::SecurityError>(())
    /// ```
    #[cfg(feature = "custom-provider")]
    #[cfg_attr(docsrs, doc(cfg(feature = "custom-provider")))]
    #[must_use]
    pub const fn custom(provider: Arc<CryptoProvider>) -> Self {
        Self::Custom(CustomProvider(provider))
    }

    /// Whether it makes keys of this kind.
    ///
    /// # Errors
    ///
    /// `CONFIG_NOT_BUILT` if only a provider does that this build lacks, `CONFIG_INVALID` if
    /// another provider must be chosen; both name the setting `cert_key_type`.
    pub fn check(&self, key_type: KeyType) -> Result<(), ConfigError> {
        match (self, key_type) {
            #[cfg(feature = "aws-lc-rs")]
            (Self::AwsLcRs, _) => Ok(()),
            (_, KeyType::P256 | KeyType::P384 | KeyType::Ed25519) => Ok(()),
            #[cfg(feature = "aws-lc-rs")]
            (_, KeyType::P521) => Err(ConfigError::Invalid {
                setting: "cert_key_type",
                value: "P521".to_owned(),
                expected: "P256, P384 or Ed25519, or provider(Provider::AwsLcRs) beside it",
            }),
            #[cfg(not(feature = "aws-lc-rs"))]
            (_, KeyType::P521) => {
                Err(ConfigError::NotBuilt { setting: "cert_key_type P521", feature: "aws-lc-rs" })
            }
        }
    }

    /// The provider for rustls; made once for the process, because its tables live for ever.
    pub(crate) fn crypto(&self) -> Arc<CryptoProvider> {
        match self {
            Self::Ring => {
                static RING: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
                    let mut provider = rustls::crypto::ring::default_provider();
                    provider.signature_verification_algorithms =
                        p521::extend(&provider.signature_verification_algorithms);
                    Arc::new(provider)
                });
                RING.clone()
            }
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcRs => {
                // Its list verifies P-521 with all three hashes already.
                static AWS_LC_RS: LazyLock<Arc<CryptoProvider>> =
                    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
                AWS_LC_RS.clone()
            }
            #[cfg(feature = "custom-provider")]
            Self::Custom(CustomProvider(provider)) => provider.clone(),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ring => "ring",
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcRs => "aws-lc-rs",
            #[cfg(feature = "custom-provider")]
            Self::Custom(_) => "custom",
        })
    }
}

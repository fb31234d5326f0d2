use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use rustls::crypto::CryptoProvider;

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
}

impl Provider {
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
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ring => "ring",
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcRs => "aws-lc-rs",
        })
    }
}

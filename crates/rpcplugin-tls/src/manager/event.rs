use std::time::{Duration, SystemTime};

use rpcplugin_core::SecurityError;

use crate::Fingerprint;

/// What a [`CertManager`](crate::CertManager) tells of its work.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CertEvent {
    /// A new certificate was issued, and new connections present it.
    #[non_exhaustive]
    Renewed {
        /// The new certificate.
        fingerprint: Fingerprint,
        /// Its last moment.
        not_after: SystemTime,
    },
    /// Files have changed, and new connections use what they hold now.
    #[non_exhaustive]
    Reloaded {
        /// The certificate in them.
        fingerprint: Fingerprint,
        /// Its last moment.
        not_after: SystemTime,
    },
    /// Other roots are trusted.
    RootsReplaced,
    /// A renewal failed, and the certificate before it stays in use. It is tried again.
    #[non_exhaustive]
    Failed {
        /// `SECURITY_ROTATION_FAILED`, with the reason.
        error: SecurityError,
    },
    /// The certificate has fewer days left than the rotation wants, and nothing has renewed it.
    #[non_exhaustive]
    ExpiringSoon {
        /// The time left; zero if it has expired.
        left: Duration,
    },
    /// Other revocation lists count.
    ListsReplaced,
    /// The next update of a revocation list is overdue, and whom it covers is refused.
    ListsRanOut,
    /// The roots from before the latest change are trusted no more.
    OverlapEnded,
}

//! The feature `testing`.
#![expect(clippy::unwrap_used, reason = "helpers fail their test this way")]

#[path = "testing/echo.rs"]
mod echo;
#[cfg(unix)]
#[path = "testing/fake_hosts.rs"]
mod fake_hosts;
#[cfg(unix)]
#[path = "testing/fake_plugins.rs"]
mod fake_plugins;
#[path = "testing/pairs.rs"]
mod pairs;

use std::time::Duration;

/// Fails a test that waits for ever.
async fn within<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), step).await.expect("it ends in time")
}

use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt as _};

use crate::HclogLayer;

/// Logs to stderr unless the program has a subscriber of its own.
pub(super) fn install(level: LevelFilter) {
    let subscriber = tracing_subscriber::registry().with(level).with(HclogLayer::new());
    // The program's own subscriber stays, and that is no failure.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

use std::sync::OnceLock;

use rpcplugin_core::config::LogLevel;
use tracing_subscriber::{Registry, filter::LevelFilter, layer::SubscriberExt as _, reload};

use crate::{HclogLayer, settings};

/// There is one subscriber in a process, and so one level.
static LEVEL: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Logs to stderr unless the program has a subscriber of its own.
pub(super) fn install(level: LogLevel) {
    let (filter, handle) = reload::Layer::new(settings::filter(level));
    let subscriber = tracing_subscriber::registry().with(filter).with(HclogLayer::new());
    // The program's own subscriber stays, and that is no failure.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        let _ = LEVEL.set(handle);
    }
}

/// Changes the lowest level that is logged, where it is ours to choose.
pub(crate) fn set_level(level: LogLevel) {
    if let Some(handle) = LEVEL.get() {
        // It fails only without a subscriber, and this one stays.
        let _ = handle.reload(settings::filter(level));
    }
}

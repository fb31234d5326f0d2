//! Profiles that every build knows.

use super::Values;

/// Eases the move of a host from go-plugin.
pub(super) const GO_PLUGIN: &str = "go-plugin";

/// What a built-in profile sets.
pub(super) fn built_in(name: &str) -> Option<Values> {
    const MESSAGE: usize = 256 << 20;
    (name == GO_PLUGIN).then(|| {
        Values::new()
            .inherit_env(true)
            .grpc_max_receive_message_size(MESSAGE)
            .grpc_max_send_message_size(MESSAGE)
    })
}

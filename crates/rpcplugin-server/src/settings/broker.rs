use rpcplugin_broker::BrokerOptions;
use rpcplugin_transport::ChannelOptions;

use super::Settings;

impl Settings {
    /// The bounds of the broker: its own, and those of the main connection.
    pub(crate) fn broker_options(&self) -> BrokerOptions {
        let config = &self.config;
        let channel = ChannelOptions::new()
            .connection_timeout(config.connection_timeout())
            .max_receive_message_size(config.grpc_max_receive_message_size())
            .max_send_message_size(config.grpc_max_send_message_size());
        BrokerOptions::new()
            .timeout(config.broker_timeout())
            .max_pending(config.broker_max_pending())
            .grace(config.grpc_grace_period())
            .channel(channel)
    }
}

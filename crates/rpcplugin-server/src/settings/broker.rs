use rpcplugin_broker::BrokerOptions;
use rpcplugin_transport::ChannelOptions;

use super::Settings;

impl Settings {
    /// The bounds of the broker: its own, and those of the main connection.
    pub(crate) fn broker_options(&self) -> BrokerOptions {
        #[cfg(feature = "tls")]
        let connecting = self.connection_timeout;
        #[cfg(not(feature = "tls"))]
        let connecting = rpcplugin_core::limits::CONNECTION_TIMEOUT;
        let channel = ChannelOptions::new()
            .connection_timeout(connecting)
            .max_receive_message_size(self.receive)
            .max_send_message_size(self.send);
        self.broker.clone().grace(self.grace).channel(channel)
    }
}

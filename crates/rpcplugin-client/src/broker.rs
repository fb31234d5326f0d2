//! The host's end of the broker.

use std::{sync::Arc, time::Duration};

use rpcplugin_broker::{Broker, BrokerOptions, Reception};
use rpcplugin_transport::{ChannelOptions, Generation, PluginChannel, serving::Calls};
use tonic::{Code, Status};

use self::side::HostSide;
pub(crate) use self::side::{Judgement, Listening, Sides};
use crate::{connect::is_lost_connection, protection::Protection, settings::Settings};

mod side;

/// Wait before a lost stream is opened again.
const REOPEN: Duration = Duration::from_millis(500);

/// The broker between this host and a plugin that was reached so.
pub(crate) fn broker(
    sides: Sides,
    protection: &Protection,
    settings: &Settings,
    generation: Generation,
) -> Broker {
    let calls = Calls::new(Arc::default())
        .max_receive_message_size(settings.config.grpc_max_receive_message_size())
        .max_send_message_size(settings.config.grpc_max_send_message_size());
    let reception = Reception::new(calls)
        .any_user(sides.any_user)
        .user(sides.user)
        .max_streams(settings.config.grpc_max_concurrent_streams());
    let multiplexer = sides.multiplexer.clone();
    let side = HostSide { sides, protection: protection.of_sides(), reception };
    match multiplexer {
        None => Broker::new(side, options(settings), generation),
        Some(multiplexer) => Broker::multiplexed(side, options(settings), generation, multiplexer),
    }
}

fn options(settings: &Settings) -> BrokerOptions {
    let channel = ChannelOptions::new()
        .connection_timeout(settings.config.connection_timeout())
        .max_receive_message_size(settings.config.grpc_max_receive_message_size())
        .max_send_message_size(settings.config.grpc_max_send_message_size());
    let channel = match settings.config.client_request_timeout() {
        Some(limit) => channel.request_timeout(limit),
        None => channel,
    };
    BrokerOptions::new()
        .timeout(settings.config.broker_timeout())
        .max_pending(settings.config.broker_max_pending())
        .grace(settings.config.grpc_grace_period())
        .channel(channel)
}

/// Keeps the broker's stream to the plugin open, until the plugin ends it, does not have one, or
/// is gone. A connection that was lost while the process lives is followed by another stream.
pub(crate) async fn keep_open(broker: Broker, channel: PluginChannel, generation: Generation) {
    while let Err(status) = broker.run(channel.clone()).await {
        if !is_lost_connection(&status) {
            tell(&status);
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(REOPEN) => {}
            _ = generation.wait() => return,
        }
    }
}

fn tell(status: &Status) {
    match status.code() {
        // Whoever wants a side channel learns it then.
        Code::Unimplemented => tracing::debug!("plugin has no broker"),
        code => tracing::debug!(?code, "the broker's stream to the plugin ended"),
    }
}

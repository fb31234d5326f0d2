use std::time::Duration;

use rpcplugin_proto::health::{HealthCheckRequest, health_client::HealthClient};
use rpcplugin_transport::PluginChannel;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};

use crate::{connect::Route, health::PLUGIN, ready::first_answer};

/// Notices a plugin that stopped answering: one that is stopped, or wedged.
///
/// It asks for the plugin's health, because servers hang up on HTTP/2 pings that they did not
/// expect. Any answer counts, whatever it says, and so does the end of the connection.
pub(crate) struct Liveness {
    pub(crate) channel: PluginChannel,
    pub(crate) route: Route,
    /// Time between probes.
    pub(crate) every: Duration,
    /// Wait for an answer.
    pub(crate) limit: Duration,
}

impl Liveness {
    /// Probes for ever, and cuts the connection when there is no answer.
    pub(crate) async fn watch(self) {
        let mut ticks = interval_at(Instant::now() + self.every, self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // Meanwhile calls may have lost that connection and dialled a good one.
            let (channel, trace) = self.channel.clone().traced();
            if timeout(self.limit, self.answer(channel)).await.is_err() {
                tracing::warn!(limit = ?self.limit, "plugin does not answer: its calls are ended");
                trace.cut("the plugin did not answer the liveness probe");
            }
        }
    }

    /// Waits for a sign of life.
    async fn answer(&self, channel: PluginChannel) {
        tokio::select! {
            () = ask(channel) => {}
            () = self.ask_elsewhere() => {}
        }
    }

    /// Asks over a connection of its own when the answer is late: all streams of the first, or
    /// all of its window, may be taken by calls that wait for each other, in a plugin that is as
    /// lively as can be.
    async fn ask_elsewhere(&self) {
        sleep(self.limit / 2).await;
        if let Ok(dialled) = self.route.dial().await
            && first_answer(dialled.channel).await.is_ok()
        {
            return;
        }
        // No sign of life is no sign of death either: the first connection decides.
        std::future::pending().await
    }
}

async fn ask(channel: PluginChannel) {
    let request = HealthCheckRequest { service: PLUGIN.to_owned() };
    // A call's usual deadline would pass for an answer.
    let _ = HealthClient::new(channel.without_request_timeout()).check(request).await;
}

use std::sync::{Arc, Mutex};

use tokio::{process::ChildStdin, sync::watch, task::JoinSet};
use tracing::{Instrument as _, instrument::WithSubscriber as _};

use super::connect::Connected;
use crate::{
    Client, State, StdioStream,
    attached::Lease,
    broker,
    client::{Facts, Shared},
    life::Life,
    liveness::Liveness,
    settings::Settings,
    stdio::{self, Buffer, Sink},
    supervise::{Supervisor, Want},
};

impl<L: Life> Connected<L> {
    /// Hands the plugin over to its supervising task.
    pub(super) fn run(self, settings: Settings, stdin: Option<ChildStdin>) -> Client {
        let Self { candidate, version, address, line, route, channel, sides, timings } = self;
        let generation = route.generation.clone();
        let broker = broker::broker(sides, &route.protection, &settings, generation.clone());
        let name = candidate.process.name();
        let facts = Facts {
            name: name.clone(),
            pid: candidate.process.pid(),
            started: candidate.process.started(),
            version,
            address,
            line,
            timings,
            health_check_timeout: settings.config.health_check_timeout(),
            protection: route.protection.clone(),
            stays: candidate.process.stays(),
            is_process: candidate.process.is_process(),
        };
        tracing::debug!(pid = facts.pid, version, address = %facts.address, ?timings, "plugin is ready");
        // One that outlives this host is there to be attached to, by the next host and not now.
        let is_held = settings.options.detach && facts.is_process && facts.pid != 0;
        let lease = if is_held { hold(facts.pid) } else { None };
        let (stdin, lease) = (Mutex::new(stdin), Mutex::new(lease));
        let buffer = Arc::new(Buffer::new(settings.config.stdio_buffer_bytes()));
        let (want, wanted) = watch::channel(Want::Running);
        let (states, state) = watch::channel(State::Running);
        let (end, ended) = watch::channel(None);

        let span = tracing::info_span!("plugin", name, pid = facts.pid);
        let _entered = span.enter();
        let mut printing = JoinSet::new();
        for (stream, sink) in [
            (StdioStream::Stdout, settings.options.stdout),
            (StdioStream::Stderr, settings.options.stderr),
        ] {
            print(&mut printing, &name, &buffer, stream, sink);
        }
        let mut streams = JoinSet::new();
        let limit = settings.config.grpc_max_receive_message_size();
        let stdio = stdio::relay(channel.clone(), limit, buffer.clone());
        streams.spawn(stdio.in_current_span().with_current_subscriber());
        let open = broker::keep_open(broker.clone(), channel.clone(), generation.clone());
        streams.spawn(open.in_current_span().with_current_subscriber());
        let mut probes = JoinSet::new();
        if let Some(every) = settings.config.grpc_keepalive_time() {
            let liveness = Liveness {
                channel: channel.clone(),
                route,
                every,
                limit: settings.config.grpc_keepalive_timeout(),
            };
            probes.spawn(liveness.watch().in_current_span().with_current_subscriber());
        }
        let supervisor = Supervisor {
            life: candidate.process,
            witness: candidate.witness,
            channel: channel.clone(),
            generation: generation.clone(),
            broker: broker.clone(),
            stdio: buffer.clone(),
            pipes: candidate.pipes,
            streams,
            printing,
            probes,
            live: settings.live.clone(),
            max_lifetime: settings.config.max_lifetime().unwrap_or_default(),
            want: wanted,
            states,
            end,
        };
        tokio::spawn(supervisor.run().in_current_span().with_current_subscriber());
        let (states, end, stdio) = (state, ended, buffer);
        Client::new(Shared {
            want,
            states,
            end,
            channel,
            generation,
            broker,
            stdio,
            stdin,
            lease,
            live: settings.live,
            #[cfg(feature = "dynamic")]
            source: crate::dynamic::Source::new(settings.schema),
            facts,
        })
    }
}

/// Holds a plugin that this host has just started against others.
fn hold(pid: u32) -> Option<Lease> {
    Lease::take(pid).unwrap_or_else(|error| {
        tracing::warn!(pid, %error, "the plugin is not held against others");
        None
    })
}

fn print(
    tasks: &mut JoinSet<()>,
    plugin: &str,
    buffer: &Arc<Buffer>,
    stream: StdioStream,
    sink: Option<Sink>,
) {
    let buffer = buffer.clone();
    match sink {
        Some(sink) => tasks.spawn(
            stdio::write_to(sink, buffer, stream).in_current_span().with_current_subscriber(),
        ),
        None => tasks.spawn(
            stdio::log_lines(plugin.to_owned(), buffer, stream)
                .in_current_span()
                .with_current_subscriber(),
        ),
    };
}

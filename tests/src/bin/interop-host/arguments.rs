use anyhow::{Context as _, Result, bail, ensure};
use rpcplugin::{MagicCookie, Tls};
use rpcplugin_core::Network;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) kind: Kind,
    pub(crate) tls: Tls,
    pub(crate) network: Network,
    pub(crate) skip: Vec<String>,
    pub(crate) command: Vec<String>,
}

/// Which service the plugin has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Our own, `rpcplugin.probe.v1.Probe`.
    Probe,
    /// go-plugin's key-value example.
    Kv,
    /// go-plugin's example of several versions, of which one only is gRPC.
    Negotiated,
    /// go-plugin's example of streams.
    Streaming,
    /// go-plugin's example with callbacks.
    Counter,
    /// crowdsec's notifications.
    Notifier,
}

impl Kind {
    pub(crate) fn cookie(self) -> MagicCookie {
        match self {
            Self::Probe | Self::Kv | Self::Negotiated | Self::Streaming | Self::Counter => {
                MagicCookie::new("BASIC_PLUGIN", "hello")
            }
            // crowdsec's plugins take whatever value they are started with.
            Self::Notifier => MagicCookie::new("CROWDSEC_PLUGIN_KEY", "interop"),
        }
    }

    /// The versions to offer. Probes serve 1 and 2, and the example of several versions 2 and 3, so
    /// that there is something to settle.
    pub(crate) fn versions(self) -> &'static [u32] {
        match self {
            Self::Probe => &[2, 3],
            Self::Negotiated => &[3, 4],
            Self::Kv | Self::Streaming | Self::Counter | Self::Notifier => &[1],
        }
    }

    /// The version that both ends must settle on.
    pub(crate) fn version(self) -> u32 {
        self.versions()[0]
    }
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            kind: Kind::Probe,
            tls: Tls::Auto,
            network: Network::Unix,
            skip: Vec::new(),
            command: Vec::new(),
        };
        while let Some(option) = words.next() {
            if option == "--" {
                parsed.command = words.collect();
                break;
            }
            let value = words.next().with_context(|| format!("{option} needs a value"))?;
            match (option.as_str(), value.as_str()) {
                ("--kind", "probe") => parsed.kind = Kind::Probe,
                ("--kind", "kv") => parsed.kind = Kind::Kv,
                ("--kind", "negotiated") => parsed.kind = Kind::Negotiated,
                ("--kind", "streaming") => parsed.kind = Kind::Streaming,
                ("--kind", "counter") => parsed.kind = Kind::Counter,
                ("--kind", "notifier") => parsed.kind = Kind::Notifier,
                ("--tls", "auto") => parsed.tls = Tls::Auto,
                ("--tls", "plain") => parsed.tls = Tls::Plaintext,
                ("--network", "unix") => parsed.network = Network::Unix,
                ("--network", "tcp") => parsed.network = Network::Tcp,
                ("--skip", names) => parsed.skip = names.split(',').map(str::to_owned).collect(),
                _ => bail!("unknown option: {option} {value}"),
            }
        }
        ensure!(!parsed.command.is_empty(), "no plugin given after --");
        Ok(parsed)
    }

    /// Whether this check is not to be made, because of a limit of the plugin.
    pub(crate) fn skips(&self, check: &str) -> bool {
        self.skip.iter().any(|skipped| skipped == check)
    }
}

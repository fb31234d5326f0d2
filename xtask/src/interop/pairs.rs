//! Which pairs there are, and what the peers are known not to do (`docs/interop.md` is made of it).

use super::peers::Peer;

/// One host with one plugin, in one way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) host: End,
    pub(super) plugin: End,
    pub(super) tls: Tls,
    pub(super) network: Network,
}

/// One side of a pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct End {
    pub(super) peer: Peer,
    pub(super) service: Service,
}

/// What the two sides talk about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Service {
    /// Our probe service, in programs of our own that use the peer's library.
    Probe,
    /// go-plugin's own key-value example, as it is.
    Example,
    /// go-plugin's example of several versions, with the same service.
    Negotiated,
    /// go-plugin's example of streams.
    Streaming,
    /// go-plugin's example with callbacks.
    Bidirectional,
    /// Side channels in both directions, each on a connection of its own.
    SideChannels,
    /// The same with everything on one connection.
    Multiplexed,
    /// The same service of a plugin that runs already, to which the host attaches.
    Attached,
    /// The probe, with certificates of an authority in place of automatic mutual TLS.
    Certificates,
    /// The same through the tools of a TLS library, which know no plugins.
    Tools,
    /// crowdsec's notifications.
    Notifier,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tls {
    Auto,
    Plain,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Network {
    Unix,
    Tcp,
}

/// The ways of each pair, in the order of the matrix's columns.
pub(super) const WAYS: [(Tls, Network); 4] = [
    (Tls::Auto, Network::Unix),
    (Tls::Plain, Network::Unix),
    (Tls::Auto, Network::Tcp),
    (Tls::Plain, Network::Tcp),
];

/// All pairs with ours on at least one side; with `reference` those of the peers too.
pub(super) fn all(reference: bool) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for host in ends(Peer::drives_plugins) {
        for plugin in ends(|_| true) {
            if host.understands(plugin) && (host.is_ours() || plugin.is_ours() || reference) {
                pairs.extend(WAYS.map(|(tls, network)| Pair { host, plugin, tls, network }));
            }
        }
    }
    pairs
}

fn ends(wanted: impl Fn(Peer) -> bool) -> impl Iterator<Item = End> {
    let services = |peer: Peer| peer.services().iter().map(move |&service| End { peer, service });
    Peer::ALL.into_iter().filter(move |&peer| wanted(peer)).flat_map(services)
}

impl End {
    pub(super) fn is_ours(self) -> bool {
        self.peer == Peer::Ours
    }

    pub(super) fn is_example(self) -> bool {
        use self::Service::{Bidirectional, Example, Negotiated, Streaming};
        matches!(self.service, Example | Negotiated | Streaming | Bidirectional)
    }

    /// Whether this host can drive that plugin: ours know every service.
    fn understands(self, plugin: Self) -> bool {
        if self.service == plugin.service
            && matches!(
                self.service,
                Service::SideChannels
                    | Service::Multiplexed
                    | Service::Attached
                    | Service::Certificates
                    | Service::Tools
            )
        {
            // go-plugin's plugin leaves its socket behind, or obeys its host although it should not;
            // and what of side channels the others do among themselves is their matter.
            return self.is_ours() || plugin.is_ours();
        }
        self.service == plugin.service || self.is_ours() || plugin.is_ours()
    }

    fn name(self) -> String {
        let example = match self.service {
            Service::Example => " example",
            Service::Negotiated => " negotiated example",
            Service::Streaming => " streaming example",
            Service::Bidirectional => " bidirectional example",
            Service::SideChannels => " side channels",
            Service::Multiplexed => " multiplexed",
            Service::Attached => " attached",
            Service::Certificates => " certificates",
            Service::Probe | Service::Tools | Service::Notifier => "",
        };
        format!("{}{example}", self.peer.name())
    }
}

impl Tls {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Auto => "mtls",
            Self::Plain => "plain",
        }
    }

    /// The value of the hosts' `--tls`.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
        }
    }
}

impl Network {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unix => "unix",
            Self::Tcp => "tcp",
        }
    }
}

impl Pair {
    pub(super) fn name(&self) -> String {
        format!("{} ({}, {})", self.ends(), self.tls.word(), self.network.word())
    }

    /// The name without the way.
    pub(super) fn ends(&self) -> String {
        format!("{} -> {}", self.host.name(), self.plugin.name())
    }

    /// The names of host and plugin.
    pub(super) fn names(&self) -> (String, String) {
        (self.host.name(), self.plugin.name())
    }

    /// What the two talk about.
    pub(super) fn service(&self) -> Service {
        if self.plugin.is_ours() { self.host.service } else { self.plugin.service }
    }

    /// Why this pair cannot be run, by no fault of the code under test.
    pub(super) fn impossible(&self) -> Option<&'static str> {
        use self::{Network::Tcp, Tls::Auto};
        let (host, plugin) = (self.host.peer, self.plugin.peer);
        if self.host.is_example() && self.tls == Auto {
            return Some("go-plugin's example host does not ask for TLS");
        }
        if self.service() == Service::SideChannels {
            if host == Peer::Pyvider {
                return Some(
                    "the host has no side channels: `open_broker_subchannel` in its \
                     `client/process.py` announces an address, serves nothing there and dials nothing",
                );
            }
            if plugin == Peer::Pyvider {
                return Some(
                    "the plugin has no side channels: `SubchannelConnection.open` in its \
                     `protocol/service.py` sleeps for 50 ms and opens nothing",
                );
            }
        }
        if matches!(self.service(), Service::Certificates | Service::Tools) {
            if self.tls != Auto {
                return Some("without TLS there are no certificates");
            }
            if host == Peer::Pyvider {
                return Some(
                    "the host trusts the certificate on the handshake line and no other, and goes \
                     on in plaintext without one: a plugin with certificates of an operator \
                     announces none",
                );
            }
            if plugin == Peer::Openssl && self.network == Tcp {
                return Some("`openssl s_server -quiet` tells nobody its port");
            }
        }
        if plugin.is_go() && self.network == Tcp {
            return Some("a go-plugin plugin listens on TCP on Windows only");
        }
        if host == Peer::Pyvider
            && self.tls == Auto
            && (plugin.is_go() || plugin == Peer::PythonPlugin)
        {
            return Some("the host's TLS library does not verify the plugin's P-521 key");
        }
        None
    }

    /// The checks that a limit of either side rules out, with that limit.
    pub(super) fn limits(&self) -> Vec<(&'static str, &'static str)> {
        let mut limits = Vec::new();
        let in_test_mode = self.service() == Service::Attached && self.tls == Tls::Plain;
        if in_test_mode && self.plugin.peer.is_go() {
            let limit = "in test mode the plugin ends before its side channels have closed";
            limits.push(("files", limit));
        }
        if self.service() == Service::SideChannels && self.host.peer == Peer::PythonPlugin {
            limits.push(("files", "the host leaves the sockets of its side channels"));
        }
        // The others check what they are about, and no more.
        let is_probe = self.service() == Service::Probe;
        match self.plugin.peer {
            Peer::Pyvider if is_probe => {
                limits.push(("stdio", "the plugin's stdio stream is always empty"));
                if self.tls == Tls::Auto {
                    limits.push(("mutual", "the plugin does not ask for the host's certificate"));
                }
                if self.tls == Tls::Auto && self.host.peer.is_go() {
                    limits.push(("strangers", "the plugin does not ask for a certificate"));
                }
            }
            Peer::Pyvider if self.service() == Service::Certificates => limits.extend([
                ("intermediate", "the plugin presents the first certificate of its file alone"),
                ("ed25519", "the plugin's library reads RSA and ECDSA keys alone"),
                ("told", "the plugin closes the connection before its refusal is read"),
            ]),
            Peer::PythonPlugin if is_probe => {
                limits.push(("stdio", "the plugin's author has no access to the stdio stream"));
            }
            Peer::Crowdsec => {
                limits.push(("stdio", "go-plugin 1.0.1 has no stdio service"));
            }
            _ => {}
        }
        match self.host.peer {
            Peer::Pyvider if is_probe => limits.extend([
                ("large", "the host receives 4 MiB at most"),
                ("stdio", "the host shows what it reads to its own log only"),
                ("log", "the host does not parse the plugin's log"),
            ]),
            Peer::PythonPlugin if is_probe => {
                limits.push(("stdio", "the host does not open the stdio stream"));
                if self.plugin.peer.is_go() {
                    limits.push((
                        "shutdown",
                        "a Go plugin stops before it answers, and the host then sends SIGTERM",
                    ));
                    limits.push(("exit", "as for shutdown"));
                    limits.push(("socket", "as for shutdown"));
                }
            }
            Peer::Go148 if self.host.is_example() && self.plugin.peer.is_go() => limits.extend([
                ("processes", "the example host ends without its plugin, which does not notice"),
                ("files", "as for processes"),
            ]),
            _ => {}
        }
        limits
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_pair_has_a_name_of_its_own() {
        let pairs = all(true);
        let names: BTreeSet<_> = pairs.iter().map(Pair::name).collect();
        assert_eq!(names.len(), pairs.len());
    }

    #[test]
    fn ours_is_in_every_pair_unless_the_reference_is_asked_for() {
        assert!(all(false).iter().all(|pair| pair.host.is_ours() || pair.plugin.is_ours()));
        assert!(all(true).len() > all(false).len());
    }

    #[test]
    fn our_two_ends_meet_in_every_way() {
        let ours = |pair: &&Pair| pair.host.is_ours() && pair.plugin.is_ours();
        let pairs = all(false);
        assert_eq!(pairs.iter().filter(ours).count(), WAYS.len());
        assert!(pairs.iter().filter(ours).all(|pair| pair.impossible().is_none()));
    }
}

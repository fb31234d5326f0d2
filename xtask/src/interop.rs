//! `cargo xtask interop`: our host and our plugin against real ones.

mod debian;
mod document;
mod example;
mod go;
mod openssl;
mod ours;
mod outcome;
mod pairs;
mod peers;
mod probe;
mod python;
mod report;
mod scratch;

use std::time::Instant;

use anyhow::{Result, ensure};

use self::{outcome::Outcome, pairs::Pair, peers::Peers, report::Report};
use crate::AlreadyReported;

/// Run our host and our plugin against those of go-plugin, pyvider-rpcplugin, python-plugin and
/// crowdsec, plaintext and with automatic mutual TLS, and with certificates of an authority those of
/// OpenSSL too, and print a matrix of the pairs.
///
/// Fetches and builds the peers first, into target/interop: go-plugin 1.8.0, 1.6.0 and 1.4.8 with Go, the
/// Python ones with venv and pip, crowdsec with apt-get download
/// (OpenSSL too, if the machine has none). A second run finds them there.
/// The output of each pair is kept in target/interop/logs. Fails if a pair fails.
#[derive(clap::Args, Debug)]
pub(crate) struct Interop {
    /// Make a missing peer an error.
    #[arg(long)]
    all_peers: bool,

    /// Print the matrix as JSON on stdout, and everything else on stderr.
    #[arg(long)]
    json: bool,

    /// Run only the pairs whose name, such as "ours -> pyvider (mtls, tcp)", holds this text.
    #[arg(long, value_name = "TEXT", default_value = "", allow_hyphen_values = true)]
    filter: String,

    /// Run the peers against each other too, to tell a fault of theirs from one of ours.
    #[arg(long)]
    reference: bool,

    /// Write docs/interop.md from the table of pairs, and run none.
    #[arg(long, exclusive = true)]
    write_docs: bool,
}

impl Interop {
    pub(crate) fn run(self) -> Result<()> {
        if self.write_docs {
            return document::write();
        }
        let mut pairs = pairs::all(self.reference);
        let names: Vec<_> = pairs.iter().map(Pair::name).collect();
        pairs.retain(|pair| pair.name().contains(&self.filter));
        ensure!(
            !pairs.is_empty(),
            "no pair has {:?} in its name; there are:\n  {}",
            self.filter,
            names.join("\n  ")
        );
        let peers = Peers::prepare(&pairs)?;
        let start = Instant::now();
        let mut report = Report::default();
        for pair in pairs {
            let began = Instant::now();
            let outcome = run_pair(&pair, &peers);
            let took = began.elapsed();
            eprintln!("interop: {}: {} ({:.1} s)", pair.name(), outcome, took.as_secs_f64());
            report.add(pair, outcome, took);
        }
        if self.json {
            println!("{}", report.to_json(&peers));
            eprintln!("{report}");
        } else {
            println!("{report}");
        }
        eprintln!("interop: the pairs took {:.0} s", start.elapsed().as_secs_f64());
        let missing = if self.all_peers { report.missing() } else { 0 };
        ensure!(report.failed() + missing == 0, AlreadyReported);
        Ok(())
    }
}

fn run_pair(pair: &Pair, peers: &Peers) -> Outcome {
    if let Some(reason) = pair.impossible() {
        return Outcome::NotPossible(reason.to_owned());
    }
    let (host, plugin) = match (peers.get(pair.host.peer), peers.get(pair.plugin.peer)) {
        (Ok(host), Ok(plugin)) => (host, plugin),
        (Err(reason), _) | (_, Err(reason)) => return Outcome::PeerMissing(reason.to_owned()),
    };
    let run = if pair.host.is_example() { example::run } else { probe::run };
    run(pair, &host.host(pair), &plugin.plugin(pair)).unwrap_or_else(|error| Outcome::Failed {
        reason: format!("{error:#}"),
        checks: Vec::new(),
    })
}

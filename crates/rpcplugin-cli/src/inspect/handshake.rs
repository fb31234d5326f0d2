use std::io::{self, Write};

use rpcplugin::core::Handshake;
use serde_json::{Value, json};

use super::show::row;
use crate::output::FAINT;

/// A handshake line, taken apart.
pub(super) struct Announced {
    line: String,
    read: Handshake,
}

impl Announced {
    /// A line that a host has accepted.
    pub(super) fn of(line: &str) -> Option<Self> {
        Some(Self { line: line.to_owned(), read: line.parse().ok()? })
    }

    pub(super) fn to_json(&self) -> Value {
        let certificate = self.read.certificate.as_str();
        json!({
            "line": self.line,
            "core": 1,
            "version": self.read.app_version,
            "network": self.read.address.network().as_str(),
            "address": address(&self.read),
            "protocol": "grpc",
            "certificate": self.read.certificate.is_announced().then_some(certificate),
            "multiplexing": self.read.multiplexing,
        })
    }

    pub(super) fn show(&self, f: &mut dyn Write) -> io::Result<()> {
        let certificate = self.read.certificate.as_str();
        let announced = self.read.certificate.is_announced();
        // It would fill a screen, and is shown in full elsewhere.
        let shortened = match (announced, certificate.get(..12)) {
            (true, Some(start)) => self.line.replace(certificate, &format!("{start}…")),
            _ => self.line.clone(),
        };
        row(f, "line", shortened)?;
        let mut field = |name, value: &dyn std::fmt::Display, meaning: &str| {
            row(f, name, format_args!("{value}  {FAINT}({meaning}){FAINT:#}"))
        };
        field("core", &1, "version of the handshake itself")?;
        field("version", &self.read.app_version, "version of the application's protocol")?;
        field("network", &self.read.address.network(), "where it listens")?;
        field("address", &address(&self.read), "a path, or an IP with a port")?;
        field("protocol", &"grpc", "what it speaks there")?;
        let length = format!("{} characters", certificate.len());
        match announced {
            true => field("certificate", &length, "the only one that this host accepts")?,
            false => field("certificate", &"none", "it serves without TLS of its own")?,
        }
        match self.read.multiplexing {
            None => field("multiplexing", &"not said", "only a host that asks is told"),
            Some(true) => field("multiplexing", &"yes", "one connection carries all"),
            Some(false) => {
                field("multiplexing", &"no", "side channels have connections of their own")
            }
        }
    }
}

fn address(handshake: &Handshake) -> String {
    handshake.address.to_field().unwrap_or_else(|_| handshake.address.to_string())
}

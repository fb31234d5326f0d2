use std::time::Duration;

use rpcplugin::{
    Client, Tls,
    client::{ServiceInfo, ServingStatus, ShutdownReport, Timings, Usage},
    tls::{CertInfo, TlsInfo},
};
use serde_json::{Map, Value, json};

use super::handshake::Announced;
use crate::words::Line;

/// What a plugin is, as far as its host can see.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) version: u32,
    pub(super) announced: Option<Announced>,
    pub(super) network: &'static str,
    pub(super) address: String,
    pub(super) tls: Tls,
    pub(super) tls_info: Option<TlsInfo>,
    pub(super) certificate: Option<CertInfo>,
    pub(super) host_certificate: Option<CertInfo>,
    pub(super) services: Result<Vec<ServiceInfo>, rpcplugin::Error>,
    /// Of the plugin as a whole, and of each of its own services.
    pub(super) health: Vec<(String, Result<ServingStatus, rpcplugin::Error>)>,
    pub(super) timings: Timings,
    pub(super) usage: Option<Usage>,
    /// `None` if it had ended by itself.
    pub(super) stopped: Option<ShutdownReport>,
    pub(super) lines: Vec<Line>,
    /// Lines that came after those.
    pub(super) left_out: usize,
}

impl Found {
    /// Asks everything, and ends the plugin to see how it does.
    pub(super) async fn gather(name: String, plugin: &Client) -> Self {
        let services = plugin.services().await;
        let own = services.iter().flatten().filter(|service| !service.is_framework());
        let mut health = Vec::new();
        for service in ["plugin"].into_iter().chain(own.map(ServiceInfo::full_name)) {
            health.push((service.to_owned(), plugin.health(service).await));
        }
        let usage = plugin.usage();
        let stopped = plugin.clone().shutdown().await.ok();
        Self {
            name,
            pid: plugin.pid(),
            version: plugin.version(),
            announced: plugin.handshake_line().and_then(Announced::of),
            network: plugin.address().network().as_str(),
            address: plugin.address().to_string(),
            tls: plugin.tls(),
            tls_info: plugin.tls_info(),
            certificate: plugin.peer_certificate().map(CertInfo::of),
            host_certificate: plugin.host_certificate().map(CertInfo::of),
            services,
            health,
            timings: plugin.timings(),
            usage,
            stopped,
            lines: Vec::new(),
            left_out: 0,
        }
    }

    /// The phases of the start, as far as there were any.
    pub(super) fn phases(&self) -> [(&'static str, Duration, &'static str); 6] {
        let times = &self.timings;
        [
            ("spawn", times.spawn, "keys, directory and process"),
            ("handshake", times.handshake, "until the line was complete"),
            ("connect", times.connect, "with the check of who listens"),
            ("tls", times.tls, "TLS and HTTP/2"),
            ("ready", times.ready, "until the first answer"),
            ("total", times.total(), "what the host waits for"),
        ]
    }

    pub(super) const fn protection(&self) -> &'static str {
        match self.tls {
            Tls::Auto => "one-time certificates",
            Tls::Plaintext => "none",
            _ => "own certificates",
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let tls = self.tls_info.as_ref().map(|info| {
            json!({
                "version": info.version,
                "cipher_suite": info.cipher_suite,
                "mutual": info.client_certificate_requested,
                "peer_sha256": info.peer.map(|peer| peer.to_string()),
            })
        });
        let certificate = |info: &Option<CertInfo>| -> Value {
            let json = info.as_ref().map(CertInfo::to_json);
            json.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
        };
        let health = self.health.iter().map(|(service, status)| match status {
            Ok(status) => {
                json!({ "service": service, "status": status.as_str_name(), "error": null })
            }
            Err(error) => json!({ "service": service, "status": null, "error": error.to_json() }),
        });
        let phases = self.phases().map(|(name, time, _)| (name.to_owned(), milliseconds(time)));
        json!({
            "plugin": self.name,
            "pid": self.pid,
            "version": self.version,
            "handshake": self.announced.as_ref().map(Announced::to_json),
            "connection": {
                "network": self.network,
                "address": self.address,
                "protection": self.protection(),
                "tls": tls,
            },
            "certificate": certificate(&self.certificate),
            "host_certificate": certificate(&self.host_certificate),
            "services": self.services.as_ref().ok(),
            "services_error": self.services.as_ref().err().map(rpcplugin::Error::to_json),
            "health": health.collect::<Vec<_>>(),
            "start_ms": Map::from_iter(phases),
            "usage": self.usage.map(|usage| json!({
                "memory_bytes": usage.memory,
                "cpu_ms": milliseconds(usage.cpu_time),
                "descriptors": usage.descriptors,
            })),
            "stop": self.stopped.map(|report| json!({
                "outcome": report.outcome.to_string(),
                "status": report.status.map(|status| status.to_string()),
                "took_ms": milliseconds(report.took),
            })),
            "lines": self.lines.iter().map(Line::to_json).collect::<Vec<_>>(),
            "lines_left_out": self.left_out,
        })
    }
}

/// With three digits, as JSON has no other way to say less than a whole one.
fn milliseconds(time: Duration) -> Value {
    let microseconds = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    (f64::from(microseconds) / 1000.0).into()
}

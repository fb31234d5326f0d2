use std::{
    fmt::Display,
    io::{self, Write},
    time::Duration,
};

use rpcplugin::client::{CallKind, ServiceInfo, ServingStatus};

use super::found::Found;
use crate::output::{BAD, FAINT, GOOD, STRONG, WARNING};

/// One row of a section.
pub(super) fn row(f: &mut dyn Write, name: &str, value: impl Display) -> io::Result<()> {
    writeln!(f, "  {name:<13} {value}")
}

fn heading(f: &mut dyn Write, name: &str) -> io::Result<()> {
    writeln!(f, "\n{STRONG}{name}{STRONG:#}")
}

impl Found {
    /// For people.
    pub(super) fn show(&self, f: &mut dyn Write) -> io::Result<()> {
        write!(f, "{STRONG}{}{STRONG:#}", self.name)?;
        match self.pid {
            0 => writeln!(f, ", version {}", self.version)?,
            pid => writeln!(f, ", version {}, process {pid}", self.version)?,
        }
        if let Some(announced) = &self.announced {
            heading(f, "Handshake")?;
            announced.show(f)?;
        }
        heading(f, "Connection")?;
        self.show_connection(f)?;
        heading(f, "Services")?;
        self.show_services(f)?;
        heading(f, "Health")?;
        let width = self.health.iter().map(|(service, _)| service.len()).max().unwrap_or_default();
        for (service, status) in &self.health {
            let service = &format!("{service:<width$}");
            match status {
                Ok(status) => {
                    let style = if *status == ServingStatus::Serving { GOOD } else { BAD };
                    row(f, service, format_args!("{style}{}{style:#}", status.as_str_name()))?;
                }
                Err(error) => row(f, service, format_args!("{BAD}{error}{BAD:#}"))?,
            }
        }
        heading(f, "Start")?;
        for (phase, time, meaning) in self.phases().into_iter().filter(|phase| !phase.1.is_zero()) {
            row(f, phase, format_args!("{:>10}  {FAINT}({meaning}){FAINT:#}", shown(time)))?;
        }
        if let Some(usage) = self.usage {
            heading(f, "Use")?;
            row(f, "memory", format_args!("{:.1} MiB", mebibytes(usage.memory)))?;
            row(f, "processor", shown(usage.cpu_time))?;
            row(f, "descriptors", usage.descriptors)?;
        }
        heading(f, "Stop")?;
        match &self.stopped {
            Some(report) => {
                let status = report.status.map(|status| format!(", {status}")).unwrap_or_default();
                let took = shown(report.took);
                row(f, "outcome", format_args!("{} after {took}{status}", report.outcome))?;
            }
            None => row(f, "outcome", format_args!("{BAD}it had ended by itself{BAD:#}"))?,
        }
        if !self.lines.is_empty() {
            heading(f, "Log")?;
        }
        for line in &self.lines {
            write!(f, "  ")?;
            line.show(f)?;
        }
        match self.left_out {
            0 => Ok(()),
            count => writeln!(f, "  {FAINT}and {count} more{FAINT:#}"),
        }
    }

    fn show_services(&self, f: &mut dyn Write) -> io::Result<()> {
        let services = match &self.services {
            Ok(services) => services,
            Err(error) => {
                writeln!(f, "  not known: {error}")?;
                return writeln!(
                    f,
                    "  {FAINT}--proto FILE or --descriptors FILE tells them{FAINT:#}"
                );
            }
        };
        for service in services.iter().filter(|service| !service.is_framework()) {
            writeln!(f, "  {STRONG}{}{STRONG:#}", service.full_name())?;
            for method in service.methods() {
                let (name, input, output) = (method.short_name(), method.input(), method.output());
                let (many, most) = match method.kind() {
                    CallKind::Unary => ("", ""),
                    CallKind::ServerStreaming => ("", "stream "),
                    CallKind::ClientStreaming => ("stream ", ""),
                    _ => ("stream ", "stream "),
                };
                writeln!(
                    f,
                    "    {name}({FAINT}{many}{FAINT:#}{input}) returns ({FAINT}{most}{FAINT:#}{output})"
                )?;
            }
        }
        let framework = services.iter().filter(|service| service.is_framework());
        let names = Vec::from_iter(framework.map(ServiceInfo::full_name));
        match names.is_empty() {
            true => Ok(()),
            false => writeln!(f, "  {FAINT}and the framework's: {}{FAINT:#}", names.join(", ")),
        }
    }

    fn show_connection(&self, f: &mut dyn Write) -> io::Result<()> {
        row(f, "network", self.network)?;
        row(f, "address", &self.address)?;
        row(f, "protection", self.protection())?;
        let Some(info) = &self.tls_info else { return Ok(()) };
        row(f, "TLS", format_args!("{}, {}", info.version, info.cipher_suite))?;
        match info.client_certificate_requested {
            true => row(f, "mutual", "yes")?,
            false => row(
                f,
                "mutual",
                format_args!("{WARNING}no{WARNING:#}: it does not ask for the host's certificate"),
            )?,
        }
        let Some(certificate) = &self.certificate else { return Ok(()) };
        heading(f, "Certificate")?;
        certificate.to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

fn shown(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn mebibytes(bytes: u64) -> f64 {
    let kibibytes = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
    f64::from(kibibytes) / 1024.0
}

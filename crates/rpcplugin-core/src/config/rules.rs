//! What no setting can say alone.

use std::fmt::Display;

use super::{Candidate, Inner, Setting, Value};
use crate::{ConfigError, Error, SecurityError, env::PortRange};

/// Whole identities, one of which must stand in for one-time certificates. The last one brings its
/// key itself. Which side reads the configuration is not known here.
const IDENTITIES: [&[Setting]; 3] = [
    &[Setting::HostCert, Setting::HostKey],
    &[Setting::ServerCert, Setting::ServerKey],
    &[Setting::MtlsCertDir],
];

/// How well a value protects, the more the better; `None` for settings that are not about
/// protection.
fn protection(setting: Setting, value: &Value) -> Option<u64> {
    match (setting, value) {
        (Setting::Insecure | Setting::InheritEnv, Value::Flag(weak)) => Some(u64::from(!weak)),
        (Setting::AutoMtls | Setting::ServerRequireTls, Value::Flag(strong)) => {
            Some(u64::from(*strong))
        }
        (Setting::TlsMinVersion, Value::TlsMinVersion(version)) => Some(*version as u64),
        (Setting::Reflection, Value::ReflectionMode(mode)) => Some(*mode as u64),
        (Setting::ServerUnixSocketMode, Value::Mode(mode)) => Some(u64::from(*mode == 0o600)),
        (
            Setting::LimitMemory
            | Setting::LimitOpenFiles
            | Setting::LimitProcesses
            | Setting::LimitFileSize,
            Value::Number(most),
        ) => Some(tightness(*most)),
        (Setting::LimitCpuTime, Value::Time(most)) => Some(tightness(most.as_secs())),
        _ => None,
    }
}

/// Zero is no limit at all.
const fn tightness(most: u64) -> u64 {
    if most == 0 { 0 } else { u64::MAX - most }
}

impl Inner {
    pub(super) fn check_rules(&self) -> Vec<Error> {
        let mut problems = Vec::new();
        self.check_lowered(&mut problems);
        self.check_plaintext(&mut problems);
        self.check_ports(&mut problems);
        self.check_pairs(&mut problems);
        problems
    }

    /// A layer raises the protection that those below it chose, and never lowers it.
    fn check_lowered(&self, problems: &mut Vec<Error>) {
        for &setting in Setting::ALL {
            // What certificates replace is no loss.
            if setting == Setting::AutoMtls && self.has_identity() {
                continue;
            }
            let [lower @ .., effective] = self.stack(setting) else { continue };
            let others = lower.iter().filter(|one| one.source.is_other_layer(&effective.source));
            let Some(chosen) = others.max_by_key(|one| protection(setting, &one.value)) else {
                continue;
            };
            if protection(setting, &effective.value) < protection(setting, &chosen.value) {
                problems.push(conflict(written(setting, effective), written(setting, chosen)));
            }
        }
    }

    /// Plaintext is chosen on purpose, and by nobody who also asks for TLS.
    fn check_plaintext(&self, problems: &mut Vec<Error>) {
        let insecure = self.stack(Setting::Insecure).last();
        if let Some(insecure) = insecure.filter(|one| one.value == Value::Flag(true)) {
            if let Some((setting, demand)) = self.demands().next() {
                problems
                    .push(conflict(written(Setting::Insecure, insecure), written(setting, demand)));
            } else if let Some(demand) = self.tls_demand {
                problems.push(conflict(
                    written(Setting::Insecure, insecure),
                    format!("{demand} (the program)"),
                ));
            }
            return;
        }
        let off = self.value(Setting::AutoMtls) == Some(&Value::Flag(false));
        if off && !self.has_identity() && self.tls_demand.is_none() {
            problems.push(SecurityError::TlsRequired.into());
        }
    }

    /// Everything in any layer that asks for TLS.
    fn demands(&self) -> impl Iterator<Item = (Setting, &Candidate)> {
        let asked = [Setting::AutoMtls, Setting::ServerRequireTls].into_iter();
        let asked =
            asked.flat_map(|setting| self.stack(setting).iter().map(move |one| (setting, one)));
        asked.filter(|(_, one)| one.value == Value::Flag(true)).chain(self.certificates())
    }

    fn has_identity(&self) -> bool {
        IDENTITIES.iter().any(|whole| whole.iter().all(|one| self.value(*one).is_some()))
    }

    fn certificates(&self) -> impl Iterator<Item = (Setting, &Candidate)> {
        let all = Setting::ALL.iter().copied().filter(|one| one.is_certificate());
        all.filter_map(|setting| Some((setting, self.stack(setting).last()?)))
    }

    fn check_ports(&self, problems: &mut Vec<Error>) {
        let port = |setting| match self.value(setting) {
            // Of its form, which fits.
            Some(Value::Number(port)) => u16::try_from(*port).unwrap_or_default(),
            _ => 0,
        };
        let [min, max] = [Setting::HostMinPort, Setting::HostMaxPort];
        if let Some(reason) = PortRange::impossible(port(min), port(max)) {
            let shown = |setting| format!("{} ({})", port(setting), self.source(setting));
            problems
                .push(ConfigError::PortRange { min: shown(min), max: shown(max), reason }.into());
        }
    }

    /// Times and days that only make sense in one order, certificates that need their key.
    fn check_pairs(&self, problems: &mut Vec<Error>) {
        let number = |setting| match self.value(setting) {
            Some(Value::Number(number)) => *number,
            _ => 0,
        };
        let [rotation, validity] = [Setting::CertRotationDays, Setting::CertValidityDays];
        // Whoever only shortens the life of certificates means to keep rotation, not to break it.
        if number(rotation) >= number(validity) && !self.stack(rotation).is_empty() {
            problems.push(self.excluded(
                rotation,
                validity,
                "certificates must live longer than the days before their end that they are renewed",
            ));
        }
        for (certificate, key) in
            [(Setting::HostCert, Setting::HostKey), (Setting::ServerCert, Setting::ServerKey)]
        {
            let [has, needs] = [certificate, key].map(|one| self.value(one).is_some());
            if has != needs {
                let (alone, missing) = if has { (certificate, key) } else { (key, certificate) };
                problems.push(self.excluded(alone, missing, "certificate and key come together"));
            }
        }
    }

    fn excluded(&self, first: Setting, second: Setting, reason: &'static str) -> Error {
        let shown = |setting: Setting| match self.stack(setting).last() {
            Some(candidate) => written(setting, candidate),
            None => format!("{setting} (the default)"),
        };
        ConfigError::Settings { first: shown(first), second: shown(second), reason }.into()
    }
}

fn conflict(weak: String, demand: String) -> Error {
    SecurityError::ConfigConflict { weak, demand }.into()
}

/// `PLUGIN_INSECURE = true (variable PLUGIN_INSECURE)`; certificates by their name alone.
fn written(setting: Setting, candidate: &Candidate) -> String {
    let value: &dyn Display = match candidate.value {
        Value::Secret(_) | Value::Text(_) => &"…",
        _ => &candidate.value,
    };
    format!("{setting} = {value} ({})", candidate.source)
}

//! From the names that people use to methods.

use std::borrow::Cow;

use prost_reflect::{MethodDescriptor, ServiceDescriptor};
use rpcplugin_core::{ProtocolError, escape_text};

use super::schema::Schema;

/// How many names an error lists.
const SHOWN: usize = 10;

impl Schema {
    /// The method that is meant: `package.Service/Method`, with or without a slash before it,
    /// `package.Service.Method`, `Service.Method`, or `Method` alone; `my_method` is `MyMethod`.
    ///
    /// # Errors
    ///
    /// `PROTOCOL_UNKNOWN_METHOD`, `PROTOCOL_UNKNOWN_SERVICE`, `PROTOCOL_AMBIGUOUS_METHOD`;
    /// `PROTOCOL_NO_DESCRIPTORS` for a service that the plugin cannot describe.
    pub(super) fn method(&self, name: &str) -> Result<MethodDescriptor, ProtocolError> {
        let bare = name.strip_prefix('/').unwrap_or(name);
        if let Some(method) = self.method_of_path(bare) {
            return Ok(method.clone());
        }
        let Some((service, method)) = bare.rsplit_once('/').or_else(|| bare.rsplit_once('.'))
        else {
            return self.one_of(name, self.methods_of_name(bare), bare);
        };
        let mut found = Vec::new();
        for service in self.services_meant(service)? {
            found.extend(service.methods().filter(|one| normal(one.name()) == normal(method)));
        }
        self.one_of(name, &found, method)
    }

    /// The service of this full or short name.
    ///
    /// # Errors
    ///
    /// `PROTOCOL_UNKNOWN_SERVICE`, `PROTOCOL_AMBIGUOUS_METHOD`, `PROTOCOL_NO_DESCRIPTORS`.
    pub(super) fn service(&self, name: &str) -> Result<ServiceDescriptor, ProtocolError> {
        let mut meant = self.services_meant(name)?;
        if meant.len() > 1 {
            let candidates = meant.iter().map(|one| one.full_name().to_owned()).collect();
            return Err(ProtocolError::AmbiguousMethod { method: escape_text(name), candidates });
        }
        meant.pop().ok_or_else(|| self.unknown_service(name))
    }

    /// The services that a name may stand for, at least one: the one of this full name, else those
    /// user services whose name ends with it.
    fn services_meant(&self, name: &str) -> Result<Vec<ServiceDescriptor>, ProtocolError> {
        if let Some(service) = self.service_of_name(name) {
            return Ok(vec![service]);
        }
        if self.undescribed.contains(name) {
            return Err(ProtocolError::NoDescriptors {
                detail: format!("it reflects {} without a description", escape_text(name)),
            });
        }
        for is_meant in [ends_with, ends_with_about] {
            let meant: Vec<_> =
                self.user_services().filter(|one| is_meant(one.full_name(), name)).collect();
            if !meant.is_empty() {
                return Ok(meant);
            }
        }
        Err(self.unknown_service(name))
    }

    /// The only one of `found`, or the only one that is written exactly like `method`.
    fn one_of(
        &self,
        name: &str,
        found: &[MethodDescriptor],
        method: &str,
    ) -> Result<MethodDescriptor, ProtocolError> {
        match found {
            [] => Err(self.unknown_method(name, method)),
            [one] => Ok(one.clone()),
            several => {
                let mut exact = several.iter().filter(|one| one.name() == method);
                if let (Some(one), None) = (exact.next(), exact.next()) {
                    return Ok(one.clone());
                }
                let candidates = several.iter().map(path).collect();
                Err(ProtocolError::AmbiguousMethod { method: escape_text(name), candidates })
            }
        }
    }

    fn unknown_service(&self, name: &str) -> ProtocolError {
        let known = self.user_services().map(|one| one.full_name().to_owned());
        ProtocolError::UnknownService {
            service: escape_text(name),
            known: nearest(name, known.map(|one| (one.clone(), one)), true),
        }
    }

    fn unknown_method(&self, name: &str, method: &str) -> ProtocolError {
        let all = self.user_services().flat_map(|one| one.methods().collect::<Vec<_>>());
        let all = all.map(|one| (one.name().to_owned(), path(&one)));
        ProtocolError::UnknownMethod {
            method: escape_text(name),
            nearest: nearest(method, all, false),
        }
    }
}

/// `package.Service/Method`.
pub(super) fn path(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

/// A name as it is compared: without underscores, in small letters.
pub(super) fn normal(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return name.into();
    }
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect::<String>().into()
}

/// Of names with what is shown for them, what is shown for those that resemble `wanted`, the
/// nearest first; with none, or with `all`, whatever there is.
pub(super) fn nearest(
    wanted: &str,
    names: impl Iterator<Item = (String, String)>,
    all: bool,
) -> Vec<String> {
    /// Jaro and Winkler's measure; names of one stem are above it, strangers below.
    const ALIKE: f64 = 0.8;

    let wanted = normal(wanted);
    let mut measured: Vec<_> =
        names.map(|(name, shown)| (strsim::jaro_winkler(&wanted, &normal(&name)), shown)).collect();
    measured.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
    let alike = measured.iter().filter(|(alike, _)| *alike >= ALIKE).count();
    let count = if alike == 0 || all { SHOWN } else { alike.min(3) };
    measured.into_iter().take(count).map(|(_, shown)| escape_text(&shown)).collect()
}

/// Whether `full` is `part`, or ends with it after a dot.
fn ends_with(full: &str, part: &str) -> bool {
    full.strip_suffix(part).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn ends_with_about(full: &str, part: &str) -> bool {
    ends_with(&normal(full), &normal(part))
}

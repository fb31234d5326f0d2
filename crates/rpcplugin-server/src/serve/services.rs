use std::sync::Arc;

use rpcplugin_core::{Config, ConfigError, LaunchEnv, VersionSet};
use rpcplugin_proto::{
    health::health_server::{self, HealthServer},
    plugin::{grpc_broker_server, grpc_controller_server, grpc_stdio_server},
};
use rpcplugin_transport::serving::{Calls, Layers, boxed};

use super::running::Stopper;
use crate::{
    Context, PluginSet, controller,
    dispatch::Dispatcher,
    health::HealthService,
    reflection,
    stdio::{self, Output},
};

/// The names that a plugin's author cannot use.
pub(crate) const RESERVED: [&str; 6] = [
    health_server::SERVICE_NAME,
    grpc_broker_server::SERVICE_NAME,
    grpc_controller_server::SERVICE_NAME,
    grpc_stdio_server::SERVICE_NAME,
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// Those that are served of the versions that were registered.
///
/// # Errors
///
/// `CONFIG_PROTOCOL_VERSIONS` if one is asked for that was not.
pub(super) fn supported(
    mut sets: Vec<(u32, PluginSet)>,
    config: &Config,
) -> Result<Vec<(u32, PluginSet)>, ConfigError> {
    let Some(supported) = config.supported_protocol_versions() else { return Ok(sets) };
    let registered = |version: &&u32| sets.iter().any(|(each, _)| each == *version);
    if let Some(&version) = supported.iter().find(|version| !registered(version)) {
        let reason = "not registered, and SUPPORTED_PROTOCOL_VERSIONS asks for it";
        return Err(ConfigError::ProtocolVersions { version: Some(version), reason });
    }
    sets.retain(|(version, _)| supported.contains(version));
    Ok(sets)
}

/// The version to announce.
///
/// # Errors
///
/// `CONFIG_PROTOCOL_VERSIONS` if the plugin registered none, or one twice.
pub(super) fn choose_version(
    sets: &[(u32, PluginSet)],
    launch: &LaunchEnv,
) -> Result<u32, ConfigError> {
    for warning in &launch.warnings {
        tracing::warn!("{warning}");
    }
    let ours = VersionSet::new(sets.iter().map(|(version, _)| *version))?;
    let version = ours
        .answer(launch.versions.as_ref())
        .ok_or(ConfigError::ProtocolVersions { version: None, reason: "none given" })?;
    if let Some(hosts) = launch.versions.as_ref().filter(|hosts| !hosts.contains(version)) {
        tracing::warn!(
            plugin = %ours,
            host = %hosts,
            "host and plugin have no protocol version in common; the host will refuse {version}"
        );
    }
    Ok(version)
}

/// The version of a server that no host asks for one.
///
/// # Errors
///
/// `CONFIG_PROTOCOL_VERSIONS` if the plugin registered none, or one twice.
pub(super) fn highest_version(sets: &[(u32, PluginSet)]) -> Result<u32, ConfigError> {
    let ours = VersionSet::new(sets.iter().map(|(version, _)| *version))?;
    ours.iter().max().ok_or(ConfigError::ProtocolVersions { version: None, reason: "none given" })
}

/// The services of one version.
///
/// # Errors
///
/// `CONFIG_PROTOCOL_VERSIONS` if there is no such version, `CONFIG_DUPLICATE_SERVICE` and
/// `CONFIG_INVALID` if any version's services cannot be served: a mistake shows at the first start.
pub(super) fn take_set(
    sets: Vec<(u32, PluginSet)>,
    version: u32,
) -> Result<PluginSet, ConfigError> {
    for (version, set) in &sets {
        set.check(*version)?;
    }
    let found = sets.into_iter().find(|(each, _)| *each == version);
    found
        .map(|(_, set)| set)
        .ok_or(ConfigError::ProtocolVersions { version: Some(version), reason: "not registered" })
}

/// What the framework serves beside what every plugin has.
pub(super) struct Extras {
    pub(super) stopper: Stopper,
    pub(super) health: bool,
    pub(super) reflection: bool,
}

/// Everything that answers calls.
///
/// # Errors
///
/// `CONFIG_INVALID` if descriptors are unreadable.
pub(super) fn dispatcher(
    set: PluginSet,
    context: &Context,
    extras: &Extras,
    output: Arc<Output>,
    layers: &Layers,
    calls: Calls,
) -> Result<Dispatcher, ConfigError> {
    let (users, descriptors) = set.build(context);
    let mut framework = Vec::new();
    if extras.health {
        let health = HealthService { reporter: context.health(), stop: context.stop.clone() };
        framework.push((health_server::SERVICE_NAME, boxed(HealthServer::new(health))));
    }
    if extras.stopper == Stopper::Host {
        let controller = controller::service(context.stop.clone());
        framework.push((grpc_controller_server::SERVICE_NAME, controller));
    }
    framework.push((grpc_stdio_server::SERVICE_NAME, stdio::service(output)));
    framework.push((grpc_broker_server::SERVICE_NAME, boxed(context.broker.service())));
    if extras.reflection {
        let served: Vec<_> = users.iter().chain(&framework).map(|(name, _)| *name).collect();
        framework.extend(reflection::services(&descriptors, &served)?);
    }
    Ok(Dispatcher::new(framework, users, layers, calls))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(ours: &[u32], hosts: &'static str) -> Result<u32, ConfigError> {
        let sets: Vec<_> = ours.iter().map(|version| (*version, PluginSet::new())).collect();
        let launch = LaunchEnv::read(|name| {
            (name == rpcplugin_core::env::PROTOCOL_VERSIONS).then(|| hosts.into())
        });
        choose_version(&sets, &launch)
    }

    #[test]
    fn the_highest_common_version_is_chosen_else_the_lowest_of_ours() {
        assert_eq!(chosen(&[1, 2, 3], "2,1").unwrap(), 2);
        assert_eq!(chosen(&[2, 3], "7").unwrap(), 2);
        assert_eq!(chosen(&[5, 4], "").unwrap(), 4);
        assert_eq!(chosen(&[1], "1,,x,999999999999").unwrap(), 1);
    }

    #[test]
    fn no_version_or_one_twice_is_refused() {
        for ours in [&[][..], &[1, 1]] {
            assert_eq!(chosen(ours, "1").unwrap_err().code(), "CONFIG_PROTOCOL_VERSIONS");
        }
    }
}

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};

use super::lookup::normal;

/// The services of one plugin, and the types that they use.
#[derive(Debug)]
pub(crate) struct Schema {
    pool: DescriptorPool,
    /// Full names of those that are listed, in order.
    listed: BTreeSet<String>,
    /// What the plugin serves without being able to describe it.
    pub(super) undescribed: BTreeSet<String>,
    /// All methods, under `package.Service/Method`.
    by_path: HashMap<String, MethodDescriptor>,
    /// Methods of user services, under their normal names.
    by_name: BTreeMap<String, Vec<MethodDescriptor>>,
}

/// Services that a plugin has of its framework. Nobody means them by a short name.
const FRAMEWORK: [&str; 6] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "plugin.GRPCBroker",
    "plugin.GRPCController",
    "plugin.GRPCStdio",
];

impl Schema {
    /// All services of `pool` that are in `listed`, or all if that is `None`.
    pub(super) fn new(
        mut pool: DescriptorPool,
        listed: Option<BTreeSet<String>>,
        undescribed: BTreeSet<String>,
    ) -> Self {
        let listed = listed
            .unwrap_or_else(|| pool.services().map(|one| one.full_name().to_owned()).collect());
        add_ours(&mut pool);
        let (mut by_path, mut by_name) = (HashMap::new(), BTreeMap::<_, Vec<_>>::new());
        for service in pool.services() {
            let name = service.full_name();
            if !listed.contains(name) && !is_framework(name) {
                continue;
            }
            for method in service.methods() {
                by_path.insert(format!("{name}/{}", method.name()), method.clone());
                if !is_framework(name) {
                    by_name.entry(normal(method.name()).into_owned()).or_default().push(method);
                }
            }
        }
        Self { pool, listed, undescribed, by_path, by_name }
    }

    /// The services that there are to list, those of the framework last.
    pub(super) fn services(&self) -> Vec<ServiceDescriptor> {
        let (ours, users): (Vec<_>, Vec<_>) =
            self.listed.iter().partition(|name| is_framework(name));
        let all = users.into_iter().chain(ours);
        all.filter_map(|name| self.pool.get_service_by_name(name)).collect()
    }

    pub(super) fn user_services(&self) -> impl Iterator<Item = ServiceDescriptor> {
        self.services().into_iter().filter(|service| !is_framework(service.full_name()))
    }

    /// A service by its full name, those of the framework included.
    pub(super) fn service_of_name(&self, name: &str) -> Option<ServiceDescriptor> {
        let is_known = self.listed.contains(name) || is_framework(name);
        self.pool.get_service_by_name(name).filter(|_| is_known)
    }

    /// A method by `package.Service/Method`.
    pub(super) fn method_of_path(&self, path: &str) -> Option<&MethodDescriptor> {
        self.by_path.get(path)
    }

    /// The methods of user services with this name, however it is written.
    pub(super) fn methods_of_name(&self, name: &str) -> &[MethodDescriptor] {
        let normal: Cow<'_, str> = normal(name);
        self.by_name.get(&*normal).map_or(&[], Vec::as_slice)
    }
}

pub(super) fn is_framework(service: &str) -> bool {
    FRAMEWORK.contains(&service)
}

/// Adds the services that every plugin has, so that they can be called by their full names. A
/// pool that has other ideas of them keeps its own.
fn add_ours(pool: &mut DescriptorPool) {
    for set in
        [rpcplugin_proto::health::FILE_DESCRIPTOR_SET, rpcplugin_proto::plugin::FILE_DESCRIPTOR_SET]
    {
        let mut extended = pool.clone();
        if extended.decode_file_descriptor_set(set).is_ok() {
            *pool = extended;
        }
    }
}

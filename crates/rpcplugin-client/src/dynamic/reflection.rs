//! gRPC server reflection, from the side that asks.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorProto;
use rpcplugin_core::{Error, ProtocolError, escape_text};
use rpcplugin_transport::{PluginChannel, error_from_status};

use self::asker::{Answer, Asker};
use super::schema::Schema;

mod asker;
#[cfg(test)]
mod tests;
mod vetting;

/// Files that a plugin may have, those of protobuf itself not counted.
const FILES: usize = 2048;

/// Their sizes taken together, in bytes.
const BYTES: usize = 16 * 1024 * 1024;

/// Services that a plugin may list.
const SERVICES: usize = 1024;

/// Asks a plugin for its services and their types. The caller bounds the time.
///
/// # Errors
///
/// `PROTOCOL_NO_DESCRIPTORS` if the plugin serves no reflection; `PROTOCOL_BAD_REPLY` for
/// answers that describe nothing that can be; `PROTOCOL_LIMIT` for answers without end;
/// `TRANSPORT_…` if the connection fails.
pub(super) async fn fetch(channel: PluginChannel) -> Result<Schema, Error> {
    let Some((mut asker, listed)) = open(&channel).await? else {
        let detail = "the builder has none, and the plugin serves no reflection".to_owned();
        return Err(ProtocolError::NoDescriptors { detail }.into());
    };
    let mut files = Files::default();
    let mut undescribed = BTreeSet::new();
    for service in &listed {
        if files.describe(service) {
            continue;
        }
        match asker.file_of_symbol(service).await? {
            Answer::Files(found) => {
                files.add(found)?;
                if !files.describe(service) {
                    return Err(bad(format!("its files do not describe the service {service:?}")));
                }
            }
            Answer::Refused(_) => {
                undescribed.insert(service.clone());
            }
        }
    }
    while let Some(missing) = files.missing() {
        match asker.file_of_name(&missing).await? {
            Answer::Files(found) => {
                files.add(found)?;
                if !files.by_name.contains_key(&missing) {
                    let name = escape_text(&missing);
                    return Err(bad(format!("asked for {name}, it sent other files")));
                }
            }
            Answer::Refused(reason) => {
                let (name, reason) = (escape_text(&missing), escape_text(&reason));
                return Err(bad(format!("it does not have {name}, which others import: {reason}")));
            }
        }
    }
    // Whole files are digested here, which takes a processor and no I/O.
    let pool = tokio::task::spawn_blocking(move || files.into_pool());
    let pool = pool.await.map_err(|_| bad("its descriptors cannot be read".to_owned()))??;
    Ok(Schema::new(pool, Some(listed), undescribed))
}

/// Lists the services, over v1 if the plugin has it and else over v1alpha; `None` if it has
/// neither.
async fn open(channel: &PluginChannel) -> Result<Option<(Asker, BTreeSet<String>)>, Error> {
    for version in asker::VERSIONS {
        let listed = async {
            let mut asker = Asker::open(channel.clone(), version).await?;
            let listed = asker.services().await?;
            Ok((asker, listed))
        };
        match listed.await {
            Ok((_, listed)) if listed.len() > SERVICES => {
                return Err(limit(format!("the plugin lists more than {SERVICES} services")));
            }
            Ok((asker, listed)) => return Ok(Some((asker, listed))),
            Err(asker::Failure::Status(status)) if status.code() == tonic::Code::Unimplemented => {}
            Err(asker::Failure::Status(status)) => return Err(error_from_status(&status)),
            Err(asker::Failure::Other(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// The files that came so far.
#[derive(Debug, Default)]
struct Files {
    by_name: BTreeMap<String, FileDescriptorProto>,
    services: BTreeSet<String>,
    /// What they import and nobody has: neither these files nor protobuf itself.
    wanted: BTreeSet<String>,
    bytes: usize,
}

impl Files {
    fn describe(&self, service: &str) -> bool {
        self.services.contains(service)
    }

    /// Takes encoded files in. The first of a name counts, as for protobuf's own pools.
    fn add(&mut self, encoded: Vec<Vec<u8>>) -> Result<(), Error> {
        for bytes in encoded {
            self.bytes += bytes.len();
            if self.bytes > BYTES {
                return Err(limit(format!("the plugin's descriptors are over {BYTES} bytes")));
            }
            let file = FileDescriptorProto::decode(&*bytes)
                .map_err(|error| bad(format!("a file of it is no descriptor: {error}")))?;
            let name = file.name().to_owned();
            if self.by_name.contains_key(&name) {
                continue;
            }
            if self.by_name.len() == FILES {
                return Err(limit(format!("the plugin has more than {FILES} .proto files")));
            }
            vetting::check(&file).map_err(bad)?;
            let prefix = if file.package().is_empty() {
                String::new()
            } else {
                format!("{}.", file.package())
            };
            self.services.extend(file.service.iter().map(|one| prefix.clone() + one.name()));
            self.wanted.remove(&name);
            let unknown = |import: &&String| {
                !self.by_name.contains_key(*import) && **import != name && !is_well_known(import)
            };
            self.wanted.extend(file.dependency.iter().filter(unknown).cloned());
            self.by_name.insert(name, file);
        }
        Ok(())
    }

    /// A file that another imports and that is neither here nor protobuf's own.
    fn missing(&self) -> Option<String> {
        self.wanted.first().cloned()
    }

    fn into_pool(mut self) -> Result<DescriptorPool, Error> {
        // Protobuf's own files mean what we know them to mean, whatever the plugin says.
        let imports: BTreeSet<String> =
            self.by_name.values().flat_map(|file| file.dependency.clone()).collect();
        let names = self.by_name.keys().cloned().collect::<Vec<_>>();
        for name in imports.into_iter().chain(names) {
            if let Some(file) = well_known(&name) {
                self.by_name.insert(name, file);
            }
        }
        let order = vetting::in_order(&self.by_name).map_err(bad)?;
        let files: Vec<_> =
            order.into_iter().filter_map(|name| self.by_name.remove(&name)).collect();
        let mut pool = DescriptorPool::new();
        pool.add_file_descriptor_protos(files)
            .map_err(|error| bad(format!("its descriptors contradict themselves: {error}")))?;
        Ok(pool)
    }
}

fn is_well_known(name: &str) -> bool {
    name.starts_with("google/protobuf/")
        && DescriptorPool::global().get_file_by_name(name).is_some()
}

/// A file of protobuf itself.
fn well_known(name: &str) -> Option<FileDescriptorProto> {
    let file = is_well_known(name).then(|| DescriptorPool::global().get_file_by_name(name))??;
    Some(file.file_descriptor_proto().clone())
}

fn bad(detail: String) -> Error {
    ProtocolError::BadReply { detail: format!("the plugin's reflection: {detail}") }.into()
}

fn limit(detail: String) -> Error {
    ProtocolError::Limit { detail }.into()
}

#[cfg(feature = "proto-files")]
use std::path::PathBuf;
use std::{borrow::Cow, sync::Arc};

use prost_reflect::DescriptorPool;
use rpcplugin_core::ConfigError;

use super::schema::Schema;
use crate::Builder;

#[cfg(feature = "proto-files")]
mod compile;

/// Descriptors as a builder was given them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    sets: Vec<Cow<'static, [u8]>>,
    #[cfg(feature = "proto-files")]
    files: Vec<(Vec<PathBuf>, Vec<PathBuf>)>,
}

/// What dynamic calls go by.
impl Builder {
    /// The plugin's descriptors for [dynamic calls](crate::Client::call_method): an encoded
    /// `google.protobuf.FileDescriptorSet`, imports included, as `protoc --include_imports
    /// --descriptor_set_out` writes it, and as a plugin's `Protocol` has it. May be called several
    /// times. Without any, the plugin is asked by gRPC reflection when the first dynamic call is
    /// made.
    ///
    /// The start fails with `CONFIG_INVALID` if it is none.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_client::Client;
    /// use rpcplugin_core::MagicCookie;
    ///
    /// # const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
    /// let builder = Client::builder(COOKIE).descriptors(rpcplugin_proto::health::FILE_DESCRIPTOR_SET);
    /// # drop(builder);
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "dynamic")))]
    pub fn descriptors(mut self, file_descriptor_set: impl Into<Cow<'static, [u8]>>) -> Self {
        self.options.descriptors.sets.push(file_descriptor_set.into());
        self
    }

    /// The same from `.proto` files, which are compiled in this process when the plugin is
    /// started. Imports are looked for in `include_dirs`, in their order, and `files` must lie in
    /// one of them; without any, each file's own directory is the one. Files are read with
    /// blocking calls.
    ///
    /// The start fails with `CONFIG_INVALID` if they cannot be read or do not compile.
    #[cfg(feature = "proto-files")]
    #[cfg_attr(docsrs, doc(cfg(feature = "proto-files")))]
    pub fn proto_files<F, I>(
        mut self,
        files: impl IntoIterator<Item = F>,
        include_dirs: impl IntoIterator<Item = I>,
    ) -> Self
    where
        F: Into<PathBuf>,
        I: Into<PathBuf>,
    {
        let files = files.into_iter().map(Into::into).collect();
        let include_dirs = include_dirs.into_iter().map(Into::into).collect();
        self.options.descriptors.files.push((files, include_dirs));
        self
    }
}

impl Given {
    /// Reads everything; `None` if there is nothing.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID`.
    pub(crate) fn read(&self) -> Result<Option<Arc<Schema>>, ConfigError> {
        let mut pool = DescriptorPool::new();
        for set in &self.sets {
            pool.decode_file_descriptor_set(&**set)
                .map_err(|error| invalid("descriptors", error))?;
        }
        #[cfg(feature = "proto-files")]
        for (files, include_dirs) in &self.files {
            compile::compile(&mut pool, files, include_dirs)?;
        }
        let is_empty = pool.files().len() == 0;
        Ok((!is_empty).then(|| Arc::new(Schema::new(pool, None, Default::default()))))
    }
}

fn invalid(setting: &'static str, error: impl std::fmt::Display) -> ConfigError {
    ConfigError::Invalid {
        setting,
        value: rpcplugin_core::escape_text(&error.to_string()),
        expected: match setting {
            "proto_files" => ".proto files that compile",
            _ => "an encoded google.protobuf.FileDescriptorSet, imports included",
        },
    }
}

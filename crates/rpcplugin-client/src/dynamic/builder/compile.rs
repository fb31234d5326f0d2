use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;
use rpcplugin_core::ConfigError;

use super::invalid;

/// Compiles `files` into `pool`.
///
/// # Errors
///
/// `CONFIG_INVALID`, with the place in the file.
pub(super) fn compile(
    pool: &mut DescriptorPool,
    files: &[PathBuf],
    include_dirs: &[PathBuf],
) -> Result<(), ConfigError> {
    let own_dirs: Vec<PathBuf> = files.iter().map(|file| directory(file)).collect();
    let dirs = if include_dirs.is_empty() { &own_dirs } else { include_dirs };
    let refuse = |error: protox::Error| invalid("proto_files", told(&error));
    let mut compiler = protox::Compiler::new(dirs).map_err(refuse)?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(files).map_err(refuse)?;
    let set = compiler.encode_file_descriptor_set();
    pool.decode_file_descriptor_set(&*set).map_err(|error| invalid("proto_files", error))
}

fn directory(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => ".".into(),
    }
}

/// The message with the file that it is about.
fn told(error: &protox::Error) -> String {
    let message = error.to_string();
    match error.file() {
        Some(file) if !message.contains(file) => format!("{file}: {message}"),
        _ => message,
    }
}

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;
use rpcplugin::client::Builder;

use crate::failure::Failure;

/// What methods the plugin has, where it does not tell by itself.
#[derive(Args, Debug)]
pub(super) struct Descriptors {
    /// The plugin's services as an encoded FileDescriptorSet, as `protoc --include_imports
    /// --descriptor_set_out` writes it. May be given again.
    #[arg(long, value_name = "FILE")]
    descriptors: Vec<PathBuf>,
    /// The same as a .proto file. May be given again.
    #[arg(long, value_name = "FILE")]
    proto: Vec<PathBuf>,
    /// A directory in which .proto files import others [default: that of each file]. May be given
    /// again.
    #[arg(long, value_name = "DIR", requires = "proto")]
    proto_path: Vec<PathBuf>,
}

impl Descriptors {
    pub(super) fn apply(&self, mut builder: Builder) -> Result<Builder, Failure> {
        for path in &self.descriptors {
            builder = builder.descriptors(read(path)?);
        }
        match self.proto.is_empty() {
            true => Ok(builder),
            false => Ok(builder.proto_files(&self.proto, &self.proto_path)),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    /// Those of all public APIs of a large company have less.
    const LARGEST: u64 = 64 * 1024 * 1024;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.map_err(Failure::reading(path))?;
    Ok(bytes)
}

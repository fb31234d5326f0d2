//! Turns `proto/` into Rust; `cargo xtask codegen` builds and runs it.
//!
//! Usage: `xtask-codegen PROTO_DIR OUT_DIR`. For each module of `rpcplugin-proto` it writes
//! `<module>.rs` and `<module>.bin` (the descriptor set, imports included) into `OUT_DIR`.
//! protox compiles the files, so no `protoc` is needed.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use protox::prost::Message as _;

fn main() -> Result<()> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [protos, out] = arguments.as_slice() else {
        bail!("usage: xtask-codegen PROTO_DIR OUT_DIR");
    };
    for module in MODULES {
        module
            .generate(Path::new(protos), Path::new(out))
            .with_context(|| format!("cannot generate the code of {}", module.proto))?;
    }
    Ok(())
}

/// One module of `rpcplugin-proto`.
struct Module {
    name: &'static str,
    /// Its file below `proto/`; descriptors carry this name.
    proto: &'static str,
    package: &'static str,
    /// Whether its descriptors carry the comments of the file.
    has_comments: bool,
}

impl Module {
    const fn new(name: &'static str, proto: &'static str, package: &'static str) -> Self {
        Self { name, proto, package, has_comments: false }
    }

    const fn with_comments(mut self) -> Self {
        self.has_comments = true;
        self
    }

    fn generate(&self, protos: &Path, out: &Path) -> Result<()> {
        let mut compiler = protox::Compiler::new([protos])?;
        compiler.include_imports(true).open_file(protos.join(self.proto))?;

        // With the comments of our own files, which `describe` shows; those of protobuf's own are
        // ten times as long, and everybody has them.
        compiler.include_source_info(true);
        let mut descriptors = compiler.file_descriptor_set();
        for file in &mut descriptors.file {
            if file.name().starts_with("google/") || !self.has_comments {
                file.source_code_info = None;
            }
        }
        fs::write(self.file(out, "bin"), descriptors.encode_to_vec())?;

        // The generator names files after packages and adds one for each import.
        let scratch = out.join(format!("{}.scratch", self.name));
        fs::create_dir_all(&scratch)?;
        let builder = WELL_KNOWN.iter().fold(
            // Else the generator maps them itself, `u32` to a `super::u32` that does not exist.
            tonic_prost_build::configure().compile_well_known_types(true),
            |builder, (proto, rust)| builder.extern_path(proto, rust),
        );
        builder
            .out_dir(&scratch)
            .emit_rerun_if_changed(false)
            // Generated clients take any channel; ours is not tonic's.
            .build_transport(false)
            // Captured output is passed on piece by piece, so copies would show. The messages of
            // the examples keep `Vec<u8>`, which is what newcomers expect to write.
            .bytes(".plugin")
            .compile_fds(compiler.file_descriptor_set())?;
        fs::rename(scratch.join(format!("{}.rs", self.package)), self.file(out, "rs"))?;
        fs::remove_dir_all(&scratch)?;
        Ok(())
    }

    fn file(&self, out: &Path, extension: &str) -> PathBuf {
        out.join(self.name).with_extension(extension)
    }
}

/// The messages of google.protobuf in use, and the Rust types that prost reads them as.
const WELL_KNOWN: [(&str, &str); 18] = [
    (".google.protobuf.Any", "::prost_types::Any"),
    (".google.protobuf.BoolValue", "::core::primitive::bool"),
    (".google.protobuf.BytesValue", "::prost::alloc::vec::Vec<u8>"),
    (".google.protobuf.DoubleValue", "::core::primitive::f64"),
    (".google.protobuf.Duration", "::prost_types::Duration"),
    (".google.protobuf.Empty", "()"),
    (".google.protobuf.FieldMask", "::prost_types::FieldMask"),
    (".google.protobuf.FloatValue", "::core::primitive::f32"),
    (".google.protobuf.Int32Value", "::core::primitive::i32"),
    (".google.protobuf.Int64Value", "::core::primitive::i64"),
    (".google.protobuf.ListValue", "::prost_types::ListValue"),
    (".google.protobuf.NullValue", "::prost_types::NullValue"),
    (".google.protobuf.StringValue", "::prost::alloc::string::String"),
    (".google.protobuf.Struct", "::prost_types::Struct"),
    (".google.protobuf.Timestamp", "::prost_types::Timestamp"),
    (".google.protobuf.UInt32Value", "::core::primitive::u32"),
    (".google.protobuf.UInt64Value", "::core::primitive::u64"),
    (".google.protobuf.Value", "::prost_types::Value"),
];

const MODULES: &[Module] = &[
    Module::new("plugin", "plugin.proto", "plugin"),
    Module::new("health", "grpc/health/v1/health.proto", "grpc.health.v1"),
    Module::new("counter", "counter.proto", "proto"),
    Module::new("kv", "kv.proto", "proto").with_comments(),
    Module::new("probe", "probe.proto", "rpcplugin.probe.v1"),
    Module::new("provider", "provider.proto", "rpcplugin.provider.v1").with_comments(),
    Module::new("text", "text.proto", "rpcplugin.examples.v1").with_comments(),
];

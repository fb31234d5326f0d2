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
}

impl Module {
    fn generate(&self, protos: &Path, out: &Path) -> Result<()> {
        let mut compiler = protox::Compiler::new([protos])?;
        compiler.include_imports(true).open_file(protos.join(self.proto))?;

        // Without source information: callers that reflect need names and types, not comments.
        compiler.include_source_info(false);
        fs::write(self.file(out, "bin"), compiler.encode_file_descriptor_set())?;

        compiler.include_source_info(true);
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

/// The messages of google.protobuf in use, and the plain Rust types that prost reads them as.
const WELL_KNOWN: [(&str, &str); 4] = [
    (".google.protobuf.BytesValue", "::prost::alloc::vec::Vec<u8>"),
    (".google.protobuf.Empty", "()"),
    (".google.protobuf.StringValue", "::prost::alloc::string::String"),
    (".google.protobuf.UInt32Value", "::core::primitive::u32"),
];

const MODULES: &[Module] = &[
    Module { name: "plugin", proto: "plugin.proto", package: "plugin" },
    Module { name: "health", proto: "grpc/health/v1/health.proto", package: "grpc.health.v1" },
    Module { name: "counter", proto: "counter.proto", package: "proto" },
    Module { name: "kv", proto: "kv.proto", package: "proto" },
    Module { name: "probe", proto: "probe.proto", package: "rpcplugin.probe.v1" },
    Module { name: "text", proto: "text.proto", package: "rpcplugin.examples.v1" },
];

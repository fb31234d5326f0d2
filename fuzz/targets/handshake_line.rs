//! The handshake line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_core::fuzzing::handshake_line(data));

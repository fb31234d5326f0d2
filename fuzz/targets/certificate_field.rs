//! Field 6 of the handshake line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_tls::fuzzing::certificate_field(data));

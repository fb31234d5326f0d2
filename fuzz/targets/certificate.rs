//! A certificate in DER or PEM.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_tls::fuzzing::certificate(data));

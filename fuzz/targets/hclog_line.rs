//! What a plugin writes to stderr.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_client::fuzzing::hclog_line(data));

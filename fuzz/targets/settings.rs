//! Settings in the environment.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_core::fuzzing::settings(data));

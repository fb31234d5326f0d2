//! The variables that a host gives its plugin.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_core::fuzzing::environment(data));

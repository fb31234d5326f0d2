//! The adapter that makes `:authority` legal.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_transport::fuzzing::header_adapter(data));

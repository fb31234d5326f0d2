//! The record of a running plugin.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_core::fuzzing::reattach_record(data));

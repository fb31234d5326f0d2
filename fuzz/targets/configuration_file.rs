//! A configuration file of one of the three formats.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_core::fuzzing::configuration_file(data));

//! The books of a multiplexed broker, as a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_broker::fuzzing::mux(data));

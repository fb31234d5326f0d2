//! The broker's book and its messages, as a script.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| rpcplugin_broker::fuzzing::broker(data));

//! The example of dynamic calls, as it is run by hand.

use std::process::Command;

#[test]
fn the_host_looks_into_the_plugin_and_calls_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_dynamic-host"))
        .arg(env!("CARGO_BIN_EXE_kv-plugin"))
        .output()
        .unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert_eq!(
        stdout,
        "proto.KV/Get (unary)\n\
         proto.KV/Put (unary)\n\
         proto.KV/List (server streaming)\n\
         greeting: \"aGVsbG8=\"\n\
         entry: \"greeting\"\n\
         kye: proto.GetRequest has no such field; did you mean key?\n"
    );
}

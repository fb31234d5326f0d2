//! The pair `counter` as it stands: two programs.

use std::{path::Path, process::Command};

#[test]
fn the_plugin_calls_back_for_each_sum() {
    let plugin = Path::new(env!("CARGO_BIN_EXE_counter-plugin"));
    let host = Command::new(env!("CARGO_BIN_EXE_counter-host")).arg(plugin).output().unwrap();
    let said = String::from_utf8_lossy(&host.stdout);
    let complained = String::from_utf8_lossy(&host.stderr);
    assert!(host.status.success(), "{said}{complained}");
    let expected = "the plugin asks for 0 + 5\nthe plugin asks for 5 + 7\nvisits = 12\n";
    assert_eq!(said, expected, "{complained}");
}

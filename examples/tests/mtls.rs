//! The certificates of the example change while its calls go on.

use std::process::Command;

#[test]
fn old_and_new_connections_answer_after_a_rotation() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_mtls-host"))
        .arg(env!("CARGO_BIN_EXE_mtls-plugin"))
        .arg(directory.path().join("certificates"))
        .output()
        .expect("cargo built it");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stdout.trim(), "rotated: true, both connections answer");
}

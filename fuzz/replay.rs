//! Runs the committed inputs of a fuzz target in an ordinary test.
//!
//! The crates under test include this file by its path.

use std::{fs, path::Path};

/// Hands every input of `fuzz/corpus/TARGET` to what the target runs.
#[track_caller]
pub(super) fn replay(target: &str, run: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        // Shown only if the input then panics.
        eprintln!("replaying {}", path.display());
        run(&fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

//! Maintainers' programs that are installed into `target/tools`, and nowhere else.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::workspace;

/// Where the programs are.
pub(crate) fn folder() -> PathBuf {
    workspace::root().join("target/tools")
}

/// The path of a program of crates.io, built first if the wanted version is not there.
///
/// Writes to stderr only, so that a caller may keep stdout for itself.
pub(crate) fn installed(name: &str, version: &str) -> Result<PathBuf> {
    let program = folder().join("bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let found = Command::new(&program).arg("--version").output();
    if found.is_ok_and(|found| String::from_utf8_lossy(&found.stdout).trim_end().ends_with(version))
    {
        return Ok(program);
    }
    eprintln!("building {name} {version} into {} (about 2 min, once)", folder().display());
    let status = workspace::cargo()
        .args(["install", name, "--version", version, "--locked", "--force", "--root"])
        .arg(folder())
        .stdout(Stdio::null())
        .status()
        .context("cannot run cargo install")?;
    ensure!(status.success(), "cargo install {name} failed: {status}");
    Ok(program)
}

//! OpenSSL's command, from the machine or from Debian's packages.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    pairs::Service,
    peers::{Programs, command},
};
use crate::{debian, workspace};

/// Its "host" is a program of ours that calls our plugin through it.
pub(super) fn prepare(dir: &Path) -> Result<Programs> {
    let openssl = if answers(&Command::new("openssl")) { "openssl".into() } else { fetch(dir)? };
    let host = workspace::target_dir()?.join("debug/cert-host");
    let host = host.with_extension(std::env::consts::EXE_EXTENSION);
    let mut host = command(host, &["--mode", "s_client", "--openssl"]);
    host.push(openssl.clone());
    Ok(Programs {
        hosts: vec![(Service::Tools, host)],
        plugins: vec![(Service::Tools, vec![openssl])],
    })
}

/// Unpacks it into `dir`, unless it is there, with a script that tells it where its libraries are.
fn fetch(dir: &Path) -> Result<OsString> {
    let script = dir.join("openssl");
    if !script.exists() {
        debian::unpack(dir, &["openssl"], dir)?;
        // What it is called depends on Debian's version.
        debian::unpack(dir, &["libssl3"], dir)
            .or_else(|_| debian::unpack(dir, &["libssl3t64"], dir))?;
        let library = library(&dir.join("usr/lib")).context("the package has no libssl.so.3")?;
        let (library, program) = (library.display(), dir.join("usr/bin/openssl"));
        let text =
            format!("#!/bin/sh\nLD_LIBRARY_PATH='{library}' exec '{}' \"$@\"\n", program.display());
        fs::write(&script, text).with_context(|| format!("cannot write {}", script.display()))?;
        make_executable(&script)?;
    }
    ensure!(answers(&Command::new(&script)), "{} does not run", script.display());
    Ok(script.into())
}

fn answers(openssl: &Command) -> bool {
    let output = Command::new(openssl.get_program()).arg("version").output();
    output.is_ok_and(|output| output.status.success())
}

/// The folder of the library, which is named for the machine.
fn library(lib: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(lib).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    folders.into_iter().find(|folder| folder.join("libssl.so.3").exists())
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> Result<()> {
    Ok(())
}

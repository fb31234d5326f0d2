//! Debian's packages, unpacked without installing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::tools;

/// Downloads packages into `dir`, and unpacks them into `root`; returns the packages' files.
///
/// # Errors
///
/// If one of them cannot be had, for the reason that the tool gives.
pub(crate) fn unpack(dir: &Path, packages: &[&str], root: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
    let fetch = || {
        let mut download = Command::new("apt-get");
        download.current_dir(dir).args(["--quiet", "download"]).args(packages);
        tools::step(&format!("apt-get download {}", packages.join(" ")), &mut download)
    };
    if fetch().is_err() {
        // On a new machine the lists of packages are missing.
        let mut update = Command::new("apt-get");
        tools::step("apt-get update", update.args(["--quiet", "update"]))?;
        fetch()?;
    }
    packages
        .iter()
        .map(|package| {
            let file = downloaded(dir, package)?;
            let mut unpack = Command::new("dpkg");
            unpack.arg("-x").arg(&file).arg(root);
            tools::step(&format!("dpkg -x {package}"), &mut unpack)?;
            Ok(file)
        })
        .collect()
}

/// The file of a package, which is called `NAME_VERSION_ARCHITECTURE.deb`.
fn downloaded(dir: &Path, package: &str) -> Result<PathBuf> {
    let prefix = format!("{package}_");
    let is_package = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&prefix) && name.ends_with(".deb")
    };
    fs::read_dir(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(is_package)
        .with_context(|| format!("apt-get downloaded no {package}"))
}

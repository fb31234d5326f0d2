//! crowdsec's notification plugin, from Debian's package, unpacked without installing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    pairs::Service,
    peers::{Programs, command},
    setup,
};

/// The version whose go-plugin is 1.0.1.
const VERSION: &str = "1.4.6";

/// Downloads and unpacks the package into `dir`, unless it is there.
pub(super) fn prepare(dir: &Path) -> Result<Programs> {
    let plugin = dir.join("usr/lib/crowdsec/plugins/dummy");
    if !plugin.exists() {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let mut unpack = Command::new("dpkg");
        unpack.arg("-x").arg(download(dir)?).arg(dir);
        setup::step("dpkg -x", &mut unpack)?;
        ensure!(plugin.exists(), "the package crowdsec has no {}", plugin.display());
    }
    Ok(Programs { hosts: Vec::new(), plugins: vec![(Service::Notifier, command(plugin, &[]))] })
}

fn download(dir: &Path) -> Result<PathBuf> {
    let fetch = || {
        let mut download = Command::new("apt-get");
        download.current_dir(dir).args(["--quiet", "download", "crowdsec"]);
        setup::step("apt-get download crowdsec", &mut download)
    };
    if fetch().is_err() {
        // On a new machine the lists of packages are missing.
        let mut update = Command::new("apt-get");
        setup::step("apt-get update", update.args(["--quiet", "update"]))?;
        fetch()?;
    }
    let package = fs::read_dir(dir)
        .with_context(|| format!("cannot read {}", dir.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .context("apt-get downloaded no package")?;
    let wanted = format!("crowdsec_{VERSION}-");
    let name = package.file_name().unwrap_or_default().to_string_lossy();
    ensure!(name.starts_with(&wanted), "the package is {name}, and {VERSION} is wanted");
    Ok(package)
}

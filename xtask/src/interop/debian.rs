//! crowdsec's notification plugin, from Debian's package.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::{
    pairs::Service,
    peers::{Programs, command},
};
use crate::debian;

/// The version whose go-plugin is 1.0.1.
const VERSION: &str = "1.4.6";

/// Downloads and unpacks the package into `dir`, unless it is there.
pub(super) fn prepare(dir: &Path) -> Result<Programs> {
    let plugin = dir.join("usr/lib/crowdsec/plugins/dummy");
    if !plugin.exists() {
        let packages = debian::unpack(dir, &["crowdsec"], dir)?;
        let package = packages.first().context("apt-get downloaded no package")?;
        let wanted = format!("crowdsec_{VERSION}-");
        let name = package.file_name().unwrap_or_default().to_string_lossy();
        ensure!(name.starts_with(&wanted), "the package is {name}, and {VERSION} is wanted");
        ensure!(plugin.exists(), "the package crowdsec has no {}", plugin.display());
    }
    Ok(Programs { hosts: Vec::new(), plugins: vec![(Service::Notifier, command(plugin, &[]))] })
}

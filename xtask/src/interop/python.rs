//! pyvider-rpcplugin and python-plugin, in one virtual environment.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{
    pairs::Service,
    peers::{Programs, command},
};
use crate::{tools, workspace};

/// Installs the pinned packages into `venv`, unless they are there.
///
/// The programs are those whose names begin with `library`.
pub(super) fn prepare(venv: &Path, library: &str) -> Result<Programs> {
    let scripts = workspace::root().join("tests/peers/python");
    let requirements = scripts.join("requirements.txt");
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let python = venv.join("bin/python");
    // Written last, so that a broken installation is made anew.
    let stamp = venv.join("installed.txt");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        let mut create = Command::new("python3");
        create.args(["-m", "venv", "--clear"]).arg(venv);
        tools::step("python3 -m venv", &mut create)?;
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        install.args(["--no-input", "--requirement"]).arg(&requirements);
        tools::step("pip install", &mut install)?;
        fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    }
    let script = |role: &str| {
        let script = scripts.join(format!("{library}_{role}.py"));
        // No bytecode: it would be written beside the sources.
        [command(python.clone(), &["-B"]), vec![script.into()]].concat()
    };
    // Those of a library without side channels are not there, and nobody starts them.
    Ok(Programs {
        hosts: vec![
            (Service::Probe, script("host")),
            (Service::SideChannels, script("names_host")),
        ],
        plugins: vec![
            (Service::Probe, script("plugin")),
            (Service::Certificates, script("plugin")),
            (Service::SideChannels, script("names_plugin")),
        ],
    })
}

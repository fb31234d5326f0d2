//! Plugins that are not in Rust.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{
    GREETINGS,
    project::{Maker, Project, run},
    says,
};
use crate::{tools, workspace};

/// One as it comes, started by the host too, and one of an interface of its own.
pub(super) fn python(maker: &Maker, host: &Path) -> Result<()> {
    let arguments = |more: &[&str]| -> Vec<_> {
        ["--lang", "python"].iter().chain(more).map(|word| (*word).to_owned()).collect()
    };
    let project = maker.make("plugin", "new-python", &arguments(&[]))?;
    let python = packages(&maker.target.join("venv"), &project)?;
    tested(&project, &python)?;
    let said = says(host, &[&python, &project.directory.join("plugin.py")])?;
    ensure!(said == GREETINGS, "with the plugin in Python the host says {said:?}");

    let protos = workspace::root().join("crates/rpcplugin-cli/tests/protos");
    let (file, root) = (protos.join("type/second.proto"), protos);
    let protos = ["--proto", &file.to_string_lossy(), "-I", &root.to_string_lossy()];
    tested(&maker.make("plugin", "nasty-python", &arguments(&protos))?, &python)
}

fn tested(project: &Project, python: &Path) -> Result<()> {
    project.tool(python, &["generate.py"])?;
    project.tool(python, &["-m", "unittest", "discover", "tests"])
}

/// Installs what the project asks for, at fixed versions, unless it is there.
fn packages(venv: &Path, project: &Project) -> Result<PathBuf> {
    let pinned = workspace::root().join("tests/peers/python");
    let pins = [pinned.join("requirements.txt"), pinned.join("new.txt")];
    let wanted = project.directory.join("requirements.txt");
    let mut state = String::new();
    for file in pins.iter().chain([&wanted]) {
        let text = fs::read_to_string(file);
        state += &text.with_context(|| format!("cannot read {}", file.display()))?;
    }
    let python = venv.join("bin/python");
    // Written last, so that a broken installation is made anew.
    let stamp = venv.join("installed.txt");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&state) {
        let mut create = Command::new("python3");
        create.args(["-m", "venv", "--clear"]).arg(venv);
        tools::step("python3 -m venv", &mut create)?;
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        install.args(["--no-input", "--requirement"]).arg(&wanted);
        for pins in &pins {
            install.arg("--constraint").arg(pins);
        }
        tools::step("pip install", &mut install)?;
        fs::write(&stamp, state).with_context(|| format!("cannot write {}", stamp.display()))?;
    }
    Ok(python)
}

pub(super) fn go(maker: &Maker, host: &Path) -> Result<()> {
    let project = maker.make("plugin", "new-go", &["--lang".to_owned(), "go".to_owned()])?;
    let mut format = Command::new("gofmt");
    let badly = run("gofmt", format.arg("-l").arg(&project.directory))?;
    ensure!(badly.is_empty(), "gofmt would write these otherwise: {badly}");
    project.tool("go", &["vet", "-mod=readonly", "./..."])?;
    project.tool("go", &["test", "-mod=readonly", "./..."])?;
    project.tool("go", &["build", "-mod=readonly", "-buildvcs=false"])?;
    let said = says(host, &[&project.directory.join("new-go")])?;
    ensure!(said == GREETINGS, "with the plugin in Go the host says {said:?}");
    Ok(())
}

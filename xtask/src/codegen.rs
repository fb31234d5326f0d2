//! `cargo xtask codegen`: proto → committed Rust.

use std::{collections::BTreeMap, fs, io, path::Path};

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace;

/// Write the Rust code of proto/ into crates/rpcplugin-proto/src/generated.
#[derive(clap::Args, Debug)]
pub(crate) struct Codegen {
    /// Change nothing; fail and name the files that differ from what would be written.
    #[arg(long)]
    check: bool,
}

impl Codegen {
    pub(crate) fn run(self) -> Result<()> {
        let fresh = generate()?;
        let committed = workspace::root().join(GENERATED);
        let stale = differences(&read_files(&committed)?, &fresh);
        if stale.is_empty() {
            println!("codegen: {} files in {GENERATED} are up to date", fresh.len());
            return Ok(());
        }
        for (file, what) in &stale {
            println!("codegen: {GENERATED}/{file}: {what}");
        }
        if self.check {
            bail!(
                "{} generated files are stale; run `cargo xtask codegen` and commit the result",
                stale.len()
            );
        }
        replace(&committed, &fresh)?;
        println!("codegen: wrote {} files", fresh.len());
        Ok(())
    }
}

/// File names with their content.
type Files = BTreeMap<String, Vec<u8>>;

const GENERATED: &str = "crates/rpcplugin-proto/src/generated";

/// Runs the generator into a scratch folder, and reads what it wrote.
fn generate() -> Result<Files> {
    let scratch = workspace::target_dir()?.join("codegen");
    remove_dir(&scratch)?;
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    println!("codegen: building and running the generator (up to a minute the first time)");
    let status = workspace::cargo()
        .args(["run", "--quiet", "--package=xtask", "--features=codegen", "--bin=xtask-codegen"])
        .arg("--")
        .arg(workspace::root().join("proto"))
        .arg(&scratch)
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the generator failed: {status}");
    let files = read_files(&scratch)?;
    remove_dir(&scratch)?;
    Ok(files)
}

/// Each file that is not the same on both sides, with what is wrong with it.
fn differences(committed: &Files, fresh: &Files) -> BTreeMap<String, &'static str> {
    let outdated = fresh.iter().filter_map(|(file, content)| match committed.get(file) {
        None => Some((file.clone(), "missing")),
        Some(old) if old != content => Some((file.clone(), "differs from what proto/ says")),
        Some(_) => None,
    });
    let extra = committed
        .keys()
        .filter(|file| !fresh.contains_key(*file))
        .map(|file| (file.clone(), "not generated from anything in proto/"));
    outdated.chain(extra).collect()
}

fn replace(directory: &Path, files: &Files) -> Result<()> {
    remove_dir(directory)?;
    fs::create_dir_all(directory)?;
    for (file, content) in files {
        let path = directory.join(file);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn read_files(directory: &Path) -> Result<Files> {
    let mut files = Files::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
        entries => entries.with_context(|| format!("cannot read {}", directory.display()))?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.insert(name, content);
    }
    Ok(files)
}

fn remove_dir(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result.with_context(|| format!("cannot remove {}", directory.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn equal_files_have_no_differences() {
        let both = files(&[("kv.rs", "a"), ("kv.bin", "b")]);
        assert!(differences(&both, &both).is_empty());
    }

    #[test]
    fn a_changed_a_missing_and_a_left_over_file_are_named() {
        let committed = files(&[("kv.rs", "old"), ("gone.rs", "x")]);
        let fresh = files(&[("kv.rs", "new"), ("probe.rs", "y")]);
        let names: Vec<_> = differences(&committed, &fresh).into_keys().collect();
        assert_eq!(names, ["gone.rs", "kv.rs", "probe.rs"]);
    }

    #[test]
    fn replacing_leaves_exactly_the_new_files() {
        let directory = tempfile::tempdir().unwrap();
        let old = files(&[("gone.rs", "x")]);
        let new = files(&[("kv.rs", "y")]);
        replace(directory.path(), &old).unwrap();
        replace(directory.path(), &new).unwrap();
        assert_eq!(read_files(directory.path()).unwrap(), new);
    }
}

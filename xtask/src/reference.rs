//! `cargo xtask reference`: what the code says of itself → the pages of docs/reference.

mod configuration;
mod errors;
mod table;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Write the pages of docs/reference: the error codes and the settings, as the code has them.
#[derive(clap::Args, Debug)]
pub(crate) struct Reference {
    /// Change nothing; fail and name the pages that differ from what would be written.
    #[arg(long)]
    check: bool,
}

impl Reference {
    pub(crate) fn run(self) -> Result<()> {
        let root = workspace::root();
        let stale = stale(&root)?;
        if stale.is_empty() {
            println!("reference: the pages of docs/reference are up to date");
            return Ok(());
        }
        for (path, text) in &stale {
            if self.check {
                println!("reference: {path} differs from what the code says");
                continue;
            }
            let file = root.join(path);
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot create {}", folder.display()))?;
            }
            fs::write(&file, text).with_context(|| format!("cannot write {path}"))?;
            println!("reference: wrote {path}");
        }
        if self.check {
            bail!("{} page(s) are stale; {REMEDY}", stale.len());
        }
        Ok(())
    }
}

/// What to do about a page that is not as it should be.
pub(crate) const REMEDY: &str = "run `cargo xtask reference` and commit the result";

/// The pages that differ from what the code says, with what they should hold.
pub(crate) fn stale(root: &Path) -> Result<Vec<(&'static str, String)>> {
    let pages = [
        ("docs/reference/errors.md", errors::page()),
        ("docs/reference/configuration.md", configuration::page()),
    ];
    let mut stale = Vec::new();
    for (path, fresh) in pages {
        // A page that is not there has no text.
        let present = fs::read_to_string(root.join(path)).unwrap_or_default();
        // Git may have written line ends of its own.
        if present.replace("\r\n", "\n") != fresh {
            stale.push((path, fresh));
        }
    }
    Ok(stale)
}

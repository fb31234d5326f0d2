//! What every `Cargo.toml` of the workspace says.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::Problem;

/// Reads the manifest of each package.
pub(super) fn check(metadata: &Value) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let path = package["manifest_path"].as_str().context("cargo metadata without a path")?;
        let manifest = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
        if !inherits_lints(&manifest) {
            let root = metadata["workspace_root"].as_str().unwrap_or_default();
            let place = Path::new(path).strip_prefix(root).unwrap_or(Path::new(path));
            problems.push(Problem::new(
                place.display().to_string(),
                "workspace-lints",
                "does not say `lints.workspace = true`",
            ));
        }
    }
    Ok(problems)
}

/// Whether a manifest takes its lints from the workspace, in either spelling.
fn inherits_lints(manifest: &str) -> bool {
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        }
        let setting: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        match section {
            "" if setting == "lints.workspace=true" => return true,
            "[lints]" if setting == "workspace=true" => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::inherits_lints;

    #[test]
    fn both_spellings_count() {
        assert!(inherits_lints("[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n"));
        assert!(inherits_lints("lints.workspace = true\n[package]\nname = \"x\"\n"));
    }

    #[test]
    fn nothing_else_counts() {
        assert!(!inherits_lints("[package]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints]\n[dependencies]\nworkspace = true\n"));
        assert!(!inherits_lints("[lints.rust]\nunsafe_code = \"allow\"\n"));
    }
}

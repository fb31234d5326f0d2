//! Programs of others: those that are installed into `target/tools`, and nowhere else, and running
//! what the system has.

use std::{
    io,
    path::PathBuf,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};

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

/// Whether the system has a program.
pub(crate) fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--help").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// Runs one step of a set-up, telling what is done and how long it took.
///
/// # Errors
///
/// With the last lines of the tool's own words if it fails, and its name if it is not there.
pub(crate) fn step(what: &str, command: &mut Command) -> Result<()> {
    eprintln!("  {what}");
    let start = Instant::now();
    let program = command.get_program().to_string_lossy().into_owned();
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("{program} is not installed");
        }
        Err(error) => bail!("{what}: cannot run {program}: {error}"),
    };
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        bail!(
            "{what}: {program}: {}: {}",
            output.status,
            last_lines(&String::from_utf8_lossy(&text))
        );
    }
    eprintln!("  done in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// The last lines that say something, as one.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_not_there_is_named() {
        let error = step("build", &mut Command::new("no-such-tool")).unwrap_err();
        assert_eq!(error.to_string(), "no-such-tool is not installed");
    }

    #[test]
    fn of_a_long_text_the_end_is_told() {
        assert_eq!(last_lines("a\n\nb\nc\n  d\n"), "b / c / d");
        assert_eq!(last_lines(""), "");
    }
}

//! Running the tools that fetch and build the peers.

use std::{
    io,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Result, bail};

/// Runs one step of a set-up, telling what is done and how long it took.
///
/// # Errors
///
/// With the last lines of the tool's own words if it fails, and its name if it is not there.
pub(super) fn step(what: &str, command: &mut Command) -> Result<()> {
    eprintln!("interop:   {what}");
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
    eprintln!("interop:   done in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// The last lines that say something, as one.
pub(super) fn last_lines(text: &str) -> String {
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

//! `cargo xtask fuzz`: bytes that nobody thought of.

mod report;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};

use self::report::{Outcome, Report};
use crate::{AlreadyReported, tools, workspace};

/// Run fuzz targets, one after the other, and end with a table of what each did.
///
/// The targets are the files of fuzz/targets, their committed inputs lie in fuzz/corpus, and
/// `cargo test` replays those. New inputs are kept in target/fuzz/corpus for the next run. Needs a
/// C++ compiler; installs cargo-fuzz into target/tools if it is not there. An input that breaks a
/// target lands in target/fuzz/found, and the command fails.
#[derive(clap::Args, Debug)]
pub(crate) struct Fuzz {
    /// The targets to run; all of them if none is named.
    targets: Vec<String>,

    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u32,

    /// Print the results as JSON on stdout.
    #[arg(long)]
    json: bool,
}

const VERSION: &str = "0.13.2";

impl Fuzz {
    pub(crate) fn run(self) -> Result<()> {
        let known = targets(&workspace::root())?;
        for target in &self.targets {
            ensure!(known.contains(target), "no target {target:?}; there are {}", known.join(", "));
        }
        let chosen = if self.targets.is_empty() { known } else { self.targets };
        let programs = build(&chosen)?;
        let mut report = Report::default();
        for target in chosen {
            eprintln!("fuzz: {target} for {} s", self.seconds);
            let outcome = run(&programs.join(&target), &target, self.seconds)?;
            report.add(target, outcome);
        }
        if self.json {
            println!("{}", report.to_json());
        } else {
            println!("{report}");
        }
        ensure!(report.findings() == 0, AlreadyReported);
        Ok(())
    }
}

/// The names of all targets, in order.
pub(crate) fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/targets");
    let context = || format!("cannot read {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(context)? {
        let name = entry.with_context(context)?.file_name();
        names.extend(name.to_string_lossy().strip_suffix(".rs").map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

/// Builds the targets with instrumentation; returns the folder of their programs.
fn build(targets: &[String]) -> Result<PathBuf> {
    let program = tools::installed("cargo-fuzz", VERSION)?;
    let built = workspace::root().join("target/fuzz");
    for target in targets {
        let mut command = Command::new(&program);
        workspace::forget_xtask(&mut command);
        let status = command
            .args(["fuzz", "build", "--target-dir"])
            .args([built.as_os_str(), target.as_ref()])
            .current_dir(workspace::root().join("fuzz"))
            // AddressSanitizer is on a stable compiler's disk, and behind this.
            .env("RUSTC_BOOTSTRAP", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .context("cannot run cargo-fuzz")?;
        ensure!(status.success(), "cargo fuzz build {target} failed: {status}");
    }
    Ok(built.join(host_triple()?).join("release"))
}

/// What cargo-fuzz builds for: the machine that it runs on.
fn host_triple() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    triple.map(str::to_owned).context("rustc does not say what it runs on")
}

fn run(program: &Path, target: &str, seconds: u32) -> Result<Outcome> {
    let root = workspace::root();
    let place = |part: &str| root.join("target/fuzz").join(part);
    let (corpus, log) = (place("corpus").join(target), place("log").join(target));
    for folder in [&corpus, &place("found"), &place("log")] {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let stderr = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let start = Instant::now();
    let status = Command::new(program)
        // New inputs go into the first folder; the second is only read.
        .args([corpus, root.join("fuzz/corpus").join(target)])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/{target}-", place("found").display()))
        // Ten seconds for one input, and a mebibyte for one allocation, are findings.
        .args(["-timeout=10", "-malloc_limit_mb=1", "-rss_limit_mb=1024"])
        .args(["-print_final_stats=1", "-verbosity=1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .status()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let text = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    Ok(Outcome::read(&String::from_utf8_lossy(&text), status.success(), start.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a crate's tests hand the target's committed inputs to what the target runs.
    fn is_replayed(sources: &str, target: &str) -> bool {
        sources.contains(&format!("replay(\"{target}\", {target})"))
    }

    #[test]
    fn each_target_is_built_and_replayed() {
        let root = workspace::root();
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        let crates = fs::read_dir(root.join("crates")).unwrap();
        let sources: String = crates
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("src/fuzzing.rs")).ok())
            .collect();
        let targets = targets(&root).unwrap();
        assert!(!targets.is_empty());
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not built");
            assert!(is_replayed(&sources, &target), "{target} is not replayed");
        }
    }
}

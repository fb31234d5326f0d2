//! What `cargo xtask ci` runs, in order.

use std::{
    io,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{container, deny, rotation, workspace};

/// One line of the summary.
#[derive(Debug)]
pub(super) struct Step {
    name: String,
    job: Job,
}

#[derive(Debug)]
enum Job {
    /// All must succeed; none is left out when an earlier one fails. As in a shell, words of the
    /// form `NAME=value` before the program are its environment.
    Commands(Vec<Vec<String>>),
    /// Part of this program; may return what could not be done.
    Own(fn() -> Result<Option<String>>),
}

impl Step {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs the step; returns a remark for the summary, if there is one.
    pub(super) fn run(&self, say: impl Fn(&str), stdout_to_stderr: bool) -> Result<Option<String>> {
        let run = |line: &[String]| {
            say(&format!("$ {}", line.join(" ")));
            run(line, stdout_to_stderr)
        };
        match &self.job {
            Job::Commands(lines) => {
                let results: Vec<_> = lines.iter().map(|line| run(line)).collect();
                results.into_iter().collect::<Result<()>>()?;
                Ok(None)
            }
            Job::Own(job) => job(),
        }
    }
}

/// All steps for the packages in `metadata`; `xtask` is this program.
pub(super) fn all(metadata: &Value, xtask: &Path, all_peers: bool) -> Vec<Step> {
    let xtask = xtask.to_string_lossy();
    let own = |arguments: &[&str]| {
        let words = [&*xtask].into_iter().chain(arguments.iter().copied());
        Job::Commands(vec![words.map(str::to_owned).collect()])
    };
    let interop: &[&str] = if all_peers { &["interop", "--all-peers"] } else { &["interop"] };
    let new: &[&str] = if all_peers { &["new", "--all-peers"] } else { &["new"] };
    // Before the tests, which find the same runtime.
    let container = if all_peers { container::check } else { container::check_if_possible };
    let mut tests = words("cargo test --workspace --no-fail-fast");
    if all_peers {
        // The interop step before has built it, and its absence is a failure.
        let target = metadata["target_directory"].as_str().unwrap_or("target");
        tests.insert(0, format!("RPCPLUGIN_GO_PLUGIN={target}/interop/go-plugin-1.8.0/plugin"));
    }
    let documentation =
        [vec!["RUSTDOCFLAGS=-D warnings".to_owned()], words("cargo doc --workspace --no-deps")];

    let mut steps = vec![
        step("formatting", cargo("fmt --all --check")),
        step("lints", cargo("clippy --workspace --all-targets -- -D warnings")),
        step(
            "lints of the code generator",
            cargo("clippy --package xtask --all-targets --features codegen -- -D warnings"),
        ),
        step("demo", own(&["demo"])),
        step("interop", own(interop)),
        step("new projects", own(new)),
        step("container", Job::Own(container)),
        step("tests", Job::Commands(vec![tests])),
        // After the tests, which have built it.
        step("rotation for a minute", Job::Own(rotation::check)),
        step("documentation", Job::Commands(vec![documentation.concat()])),
        step("tidy", own(&["tidy"])),
        step("generated code", own(&["codegen", "--check"])),
    ];
    steps.extend(crates(metadata).map(|(name, has_features)| alone(name, has_features)));
    steps.extend([
        step("server without tls", cargo("test --package rpcplugin-server --no-default-features")),
        step("core with files", cargo("test --package rpcplugin-core --features config-files")),
        step("client without tls", cargo("test --package rpcplugin-client --no-default-features")),
        step(
            "client with dynamic calls",
            Job::Commands(vec![
                words("cargo clippy --package rpcplugin-client --features dynamic -- -D warnings"),
                words("cargo test --package rpcplugin-client --lib --features proto-files dynamic"),
            ]),
        ),
        step(
            "both sides without tls",
            // The examples in the documentation show the default, which is TLS.
            cargo("test --package rpcplugin --no-default-features --features testing --tests"),
        ),
        step(
            "tls with aws-lc-rs and custom providers",
            Job::Commands(vec![
                words("cargo test --package rpcplugin-tls --features aws-lc-rs,custom-provider"),
                words(
                    "cargo test --package rpcplugin --test providers \
                     --features testing,aws-lc-rs,custom-provider",
                ),
            ]),
        ),
        step("dependencies", Job::Own(deny::check)),
    ]);
    steps
}

/// Lints one crate as its users build it: without the features that others turn on.
fn alone(name: &str, has_features: bool) -> Step {
    let mut lines = vec![words(&format!("cargo clippy --package {name} -- -D warnings"))];
    if has_features {
        let line = format!("cargo clippy --package {name} --no-default-features -- -D warnings");
        lines.push(words(&line));
    }
    step(&format!("{name} alone"), Job::Commands(lines))
}

/// The names of the crates that we publish, and whether they have features.
fn crates(metadata: &Value) -> impl Iterator<Item = (&str, bool)> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages.filter(|package| package["publish"].is_null()).filter_map(|package| {
        let features = package["features"].as_object();
        Some((package["name"].as_str()?, features.is_some_and(|all| !all.is_empty())))
    })
}

fn step(name: &str, job: Job) -> Step {
    Step { name: name.to_owned(), job }
}

fn cargo(arguments: &str) -> Job {
    Job::Commands(vec![words(&format!("cargo {arguments}"))])
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Runs one command in the workspace's folder.
fn run(line: &[String], stdout_to_stderr: bool) -> Result<()> {
    let variables: Vec<_> = line.iter().map_while(|word| word.split_once('=')).collect();
    let (program, arguments) =
        line[variables.len()..].split_first().context("an empty command line")?;
    let mut command = match program.as_str() {
        "cargo" => workspace::cargo(),
        path => {
            let mut command = Command::new(path);
            command.current_dir(workspace::root()).stdin(Stdio::null());
            command
        }
    };
    command.args(arguments).envs(variables);
    if stdout_to_stderr {
        command.stdout(io::stderr());
    }
    let status = command.status().with_context(|| format!("cannot run {program}"))?;
    let name = Path::new(program).file_stem().unwrap_or_default().to_string_lossy();
    ensure!(status.success(), "{name} {}: {status}", arguments.join(" "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn steps(all_peers: bool) -> Vec<Step> {
        let metadata = json!({ "packages": [
            { "name": "plain", "publish": null, "features": {} },
            { "name": "rich", "publish": null, "features": { "tls": [] } },
            { "name": "helper", "publish": [], "features": {} },
        ]});
        all(&metadata, Path::new("/bin/xtask"), all_peers)
    }

    #[track_caller]
    fn lines(steps: &[Step], name: &str) -> Vec<String> {
        let step = steps.iter().find(|step| step.name == name).unwrap();
        match &step.job {
            Job::Commands(lines) => lines.iter().map(|line| line.join(" ")).collect(),
            job => panic!("{name} is {job:?}"),
        }
    }

    #[test]
    fn with_all_peers_the_tests_must_find_the_go_plugin_that_interop_builds() {
        let steps = steps(true);
        let place = |name| steps.iter().position(|step| step.name == name).unwrap();
        assert!(place("interop") < place("tests"));
        assert_eq!(
            lines(&steps, "tests"),
            ["RPCPLUGIN_GO_PLUGIN=target/interop/go-plugin-1.8.0/plugin \
              cargo test --workspace --no-fail-fast"]
        );
    }

    #[test]
    fn a_container_runtime_is_fetched_before_the_tests_and_must_be_there_with_all_peers() {
        for (all_peers, wanted) in
            [(true, container::check as fn() -> _), (false, container::check_if_possible)]
        {
            let steps = steps(all_peers);
            let place = |name| steps.iter().position(|step| step.name == name).unwrap();
            assert!(place("container") < place("tests"));
            let Job::Own(job) = steps[place("container")].job else { panic!("it is a command") };
            assert!(std::ptr::fn_addr_eq(job, wanted));
        }
    }

    #[test]
    fn the_minute_of_rotations_is_part_of_it() {
        let steps = steps(false);
        let step = steps.iter().find(|step| step.name == "rotation for a minute").unwrap();
        let Job::Own(job) = step.job else { panic!("it is a command") };
        assert!(std::ptr::fn_addr_eq(job, rotation::check as fn() -> _));
    }

    #[test]
    fn each_published_crate_is_built_alone() {
        let steps = steps(false);
        assert_eq!(lines(&steps, "plain alone"), ["cargo clippy --package plain -- -D warnings"]);
        assert_eq!(
            lines(&steps, "rich alone"),
            [
                "cargo clippy --package rich -- -D warnings",
                "cargo clippy --package rich --no-default-features -- -D warnings",
            ]
        );
        assert!(!steps.iter().any(|step| step.name == "helper alone"));
    }

    #[test]
    fn interop_is_told_about_all_peers() {
        assert_eq!(lines(&steps(true), "interop"), ["/bin/xtask interop --all-peers"]);
        assert_eq!(lines(&steps(false), "interop"), ["/bin/xtask interop"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_step_runs_all_its_commands_and_fails_with_the_first_that_failed() {
        let job = Job::Commands(vec![words("sh -c false"), words("sh -c true")]);
        let seen = std::cell::RefCell::new(Vec::new());
        let result = step("x", job).run(|text| seen.borrow_mut().push(text.to_owned()), true);
        assert!(result.unwrap_err().to_string().starts_with("sh -c false: exit "));
        assert_eq!(seen.into_inner(), ["$ sh -c false", "$ sh -c true"]);
    }
}

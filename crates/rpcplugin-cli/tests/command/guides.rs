//! What the guides show is what the command says.

use std::{env, fs, path::Path, process::Command};

use crate::case::{Case, case};

/// A command of a guide, and what the guide has it print.
struct Step<'a> {
    command: &'a str,
    output: String,
}

/// The commands of all `console` blocks, in their order.
fn steps(text: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let blocks = text.split("```console\n").skip(1);
    for line in blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines()) {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command, output: String::new() }),
            (None, Some(step)) => step.output.extend([line, "\n"]),
            (None, None) => panic!("a block begins with a command, and not with {line}"),
        }
    }
    steps
}

/// Both outputs of a line, as a shell runs it in the case's directory.
fn run(case: &Case, line: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_rpcplugin")).parent().unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([program.to_owned()].into_iter().chain(env::split_paths(&path)));
    let plain = case.command("");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{{ {line}\n}} 2>&1")).env_clear();
    shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("PATH", path.unwrap()).current_dir(case.path("."));
    String::from_utf8(shell.output().unwrap().stdout).unwrap()
}

/// Files that a guide shows with `cat` are there before.
fn lay_out(case: &Case, steps: &[Step<'_>]) {
    for step in steps {
        if let Some(name) = step.command.strip_prefix("cat ") {
            case.write(name, &step.output);
        }
    }
}

#[test]
fn the_guide_to_configuration_shows_what_the_command_prints() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/configuration.md");
    let text = fs::read_to_string(guide).unwrap();
    case(|case| {
        let steps = steps(&text);
        lay_out(case, &steps);
        for step in &steps {
            let said = run(case, step.command);
            assert_eq!(said.trim_end(), step.output.trim_end(), "$ {}", step.command);
        }
        assert!(steps.len() > 5, "the guide has {} commands", steps.len());
    });
}

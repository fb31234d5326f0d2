use std::path::Path;

use super::{Kind, Language, project::Project};

/// What to do with a new project.
pub(super) struct Step {
    pub(super) command: String,
    pub(super) what: &'static str,
}

pub(super) fn of(project: &Project, directory: &Path) -> Vec<Step> {
    let step = |command: &str, what| Step { command: command.to_owned(), what };
    let mut steps = vec![step(&format!("cd {}", quoted(directory)), "README.md there tells more")];
    steps.extend(match (project.language, project.kind) {
        (Language::Rust, Kind::Plugin) => vec![
            step("cargo test", "builds it, and starts it as a host does"),
            step("cargo build", "makes the program for hosts"),
        ],
        (Language::Rust, Kind::Host) => vec![
            step("cargo test", "builds it, and calls a plugin in the test's process"),
            step("cargo run -- PLUGIN", "starts the program PLUGIN, and calls it"),
        ],
        (Language::Python, _) => vec![
            step("python3 -m venv .venv", "a place for what it depends on"),
            step(".venv/bin/pip install -r requirements.txt", "grpcio and its like"),
            step(".venv/bin/python generate.py", "makes Python of proto/"),
            step(".venv/bin/python -m unittest discover tests", "starts it as a host does"),
        ],
        (Language::Go, _) => vec![
            step("go test ./...", "fetches go-plugin, and starts it as a host does"),
            step("go build", "makes the program for hosts"),
        ],
    });
    steps
}

/// As a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    match text.chars().all(plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

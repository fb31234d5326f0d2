//! What every Rust file of the workspace keeps to.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use super::Problem;

/// Most lines in a file, tests included.
const MAX_LINES: usize = 400;

/// Reads all Rust files below `root`.
pub(super) fn check(root: &Path) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    each(root, &mut |place, text| check_file(place, text, &mut problems))?;
    problems.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(problems)
}

/// Hands the path below `root` and the text of every Rust file to `visit`.
pub(super) fn each(root: &Path, visit: &mut impl FnMut(&str, &str)) -> Result<()> {
    visit_folder(root, root, visit)
}

fn visit_folder(root: &Path, folder: &Path, visit: &mut impl FnMut(&str, &str)) -> Result<()> {
    let cannot_read = |path: &Path| format!("cannot read {}", path.display());
    for entry in fs::read_dir(folder).with_context(|| cannot_read(folder))? {
        let entry = entry.with_context(|| cannot_read(folder))?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().with_context(|| cannot_read(&path))?.is_dir() {
            // Built, generated or hidden: nobody writes it by hand.
            if !name.starts_with('.') && name != "target" && name != "generated" {
                visit_folder(root, &path, visit)?;
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).with_context(|| cannot_read(&path))?;
            let place = path.strip_prefix(root).unwrap_or(&path);
            visit(&place.to_string_lossy().replace('\\', "/"), &text);
        }
    }
    Ok(())
}

fn check_file(place: &str, text: &str, problems: &mut Vec<Problem>) {
    let lines = text.lines().count();
    if lines > MAX_LINES {
        let message = format!("has {lines} lines, more than {MAX_LINES}; give a part its own file");
        problems.push(Problem::new(place, "file-length", message));
    }
    if place.ends_with("/mod.rs") {
        let message = "foo/mod.rs is written foo.rs beside foo/";
        problems.push(Problem::new(place, "no-mod-rs", message));
    }
    let in_sys = place.ends_with("/sys.rs") || place.contains("/sys/");
    for (index, line) in text.lines().enumerate() {
        let found = [
            ignored_doctest(line),
            ignored_test(line),
            bare_todo(line),
            if in_sys { None } else { allows_unsafe(line) },
        ];
        for (rule, message) in found.into_iter().flatten() {
            problems.push(Problem::new(format!("{place}:{}", index + 1), rule, message));
        }
    }
}

/// A rule's name, and what breaks it.
type Broken = (&'static str, &'static str);

fn ignored_doctest(line: &str) -> Option<Broken> {
    let line = line.trim_start();
    let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))?;
    let attributes = doc.trim_start().strip_prefix("```")?;
    attributes
        .split([',', ' '])
        .any(|word| word == "ignore" || word.starts_with("ignore-"))
        .then_some(("no-ignore-doctest", "this example never compiles; make it `no_run` or run it"))
}

fn ignored_test(line: &str) -> Option<Broken> {
    line.trim_start()
        .starts_with("#[ignore")
        .then_some(("no-ignored-test", "this test never runs; make it run or remove it"))
}

fn allows_unsafe(line: &str) -> Option<Broken> {
    let line = line.trim_start();
    (line.starts_with("#[") || line.starts_with("#!["))
        .then(|| line.contains("unsafe_code"))?
        .then_some(("unsafe-in-sys", "unsafe code belongs in a small `sys` module, with its proof"))
}

/// Finds marks of unfinished work in comments; they must say what is to be done, and why.
fn bare_todo(line: &str) -> Option<Broken> {
    let (_, comment) = line.split_once("//")?;
    let is_bare = ["TODO", "FIXME", "XXX"].iter().any(|mark| {
        comment.match_indices(mark).any(|(at, _)| {
            let (before, rest) = (&comment[..at], &comment[at + mark.len()..]);
            let whole_word = !before.ends_with(|c: char| c.is_alphanumeric() || "_-`".contains(c))
                && !rest.starts_with(|c: char| c.is_alphanumeric() || "_-`".contains(c));
            whole_word && !is_explained(rest)
        })
    });
    is_bare.then_some(("no-bare-todo", "say what is to be done and why: three words at least"))
}

/// Whether `: …` or `(name): …` follows, with three words or more.
fn is_explained(rest: &str) -> bool {
    let rest = match rest.strip_prefix('(') {
        Some(named) => named.split_once(')').map_or("", |(_, rest)| rest),
        None => rest,
    };
    rest.strip_prefix(':').is_some_and(|text| text.split_whitespace().count() >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks one file, and compares places and rules.
    #[track_caller]
    fn finds(place: &str, text: &str, expected: &[&str]) {
        let mut problems = Vec::new();
        check_file(place, text, &mut problems);
        let found: Vec<_> =
            problems.iter().map(|problem| format!("{} {}", problem.place, problem.rule)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_may_have_400_lines_and_no_more() {
        finds("a.rs", &"\n".repeat(400), &[]);
        finds("a.rs", &"\n".repeat(401), &["a.rs file-length"]);
    }

    #[test]
    fn mod_rs_is_named() {
        finds("src/foo/mod.rs", "", &["src/foo/mod.rs no-mod-rs"]);
    }

    #[test]
    fn an_ignored_doctest_is_found_and_others_are_not() {
        finds("a.rs", "/// ```ignore", &["a.rs:1 no-ignore-doctest"]);
        finds("a.rs", "\n    //! ```rust,ignore", &["a.rs:2 no-ignore-doctest"]);
        finds("a.rs", "/// ```no_run\n/// ```\n/// Nobody may ignore this.", &[]);
    }

    #[test]
    fn an_ignored_test_is_found() {
        finds("a.rs", "    #[ignore = \"slow\"]", &["a.rs:1 no-ignored-test"]);
    }

    #[test]
    fn a_todo_needs_an_explanation() {
        let todo = concat!("TO", "DO");
        finds("a.rs", &format!("// {todo}"), &["a.rs:1 no-bare-todo"]);
        finds("a.rs", &format!("let x = 1; // {todo}: later"), &["a.rs:1 no-bare-todo"]);
        finds("a.rs", &format!("// {todo}: drop this with tonic 0.15"), &[]);
        finds("a.rs", &format!("// {todo}(anna): drop this with tonic 0.15"), &[]);
        finds("a.rs", &format!("let {todo}_COUNT = 1;"), &[]);
    }

    #[test]
    fn unsafe_is_for_sys_modules() {
        let text = "#![expect(unsafe_code, reason = \"fork\")]";
        finds("src/run.rs", text, &["src/run.rs:1 unsafe-in-sys"]);
        finds("src/sys.rs", text, &[]);
        finds("src/sys/linux.rs", text, &[]);
    }

    #[test]
    fn generated_and_built_files_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["src/generated", "target", ".hidden", "src/foo"] {
            let folder = root.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("mod.rs"), "").unwrap();
        }
        let problems = check(root.path()).unwrap();
        let places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
        assert_eq!(places, ["src/foo/mod.rs"]);
    }
}

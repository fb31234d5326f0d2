use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// Where the system will find `program` when it starts in `directory` with `path` as `PATH`.
///
/// A name with a slash is taken as it is. Others are looked up as `execvp` does in the child: in
/// the child's `PATH` and from the child's directory; a file that may not be executed is second
/// best. `None` if there is no such file.
pub(super) fn resolve(
    program: &OsStr,
    directory: Option<&Path>,
    path: Option<&OsStr>,
) -> Option<PathBuf> {
    let from = |candidate: &Path| match directory {
        Some(directory) => directory.join(candidate),
        None => candidate.to_owned(),
    };
    if Path::new(program).components().count() > 1 || has_separator(program) {
        return Some(absolute(from(Path::new(program))));
    }
    let path = path.map_or_else(default_path, OsStr::to_owned);
    let mut second_best = None;
    for entry in env::split_paths(&path) {
        let candidate = absolute(from(&entry.join(program)));
        if is_executable(&candidate) {
            return Some(candidate);
        }
        if second_best.is_none() && candidate.exists() {
            second_best = Some(candidate);
        }
    }
    second_best
}

fn has_separator(program: &OsStr) -> bool {
    program.as_encoded_bytes().iter().any(|byte| std::path::is_separator(char::from(*byte)))
}

/// Unresolvable only if the host's own directory is gone; then the relative path must do.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// What the C libraries take when there is no `PATH`.
fn default_path() -> OsString {
    OsString::from(if cfg!(unix) { "/bin:/usr/bin" } else { "" })
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_are_looked_up_in_the_path_given() {
        let found = resolve("sh".as_ref(), None, Some("/nonexistent:/bin".as_ref()));
        assert_eq!(found.as_deref(), Some(Path::new("/bin/sh")));
        assert_eq!(resolve("sh".as_ref(), None, Some("/nonexistent".as_ref())), None);
        assert!(resolve("sh".as_ref(), None, None).is_some(), "the default path is used");
    }

    #[test]
    fn names_with_a_slash_start_from_the_childs_directory() {
        let found = resolve("./x".as_ref(), Some("/some".as_ref()), Some("/bin".as_ref()));
        assert_eq!(found.as_deref(), Some(Path::new("/some/x")));
        let found = resolve("/x".as_ref(), Some("/some".as_ref()), None);
        assert_eq!(found.as_deref(), Some(Path::new("/x")));
    }

    #[test]
    fn a_file_that_may_not_run_is_second_best() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("sh"), "").unwrap();
        let both = env::join_paths([dir.path(), Path::new("/bin")]).unwrap();
        assert_eq!(resolve("sh".as_ref(), None, Some(&both)), Some("/bin/sh".into()));
        let only = dir.path().as_os_str();
        assert_eq!(resolve("sh".as_ref(), None, Some(only)), Some(dir.path().join("sh")));
    }
}

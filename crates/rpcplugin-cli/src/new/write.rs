use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::render;
use crate::failure::Failure;

/// Refuses a place where something is.
pub(super) fn must_be_free(directory: &Path) -> Result<(), Failure> {
    match fs::read_dir(directory) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(Failure::Occupied(directory.to_owned())),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::reading(directory)(error)),
    }
}

/// Writes everything, or leaves nothing of it.
pub(super) fn write(directory: &Path, files: &[render::File]) -> Result<(), Failure> {
    let mut made = Made::default();
    made.directory(directory)?;
    files.iter().try_for_each(|file| made.file(&directory.join(&file.name), &file.text))?;
    made.0.clear();
    Ok(())
}

/// What was made, in its order. It goes away again, unless all of it is there in the end; what
/// others put there stays.
#[derive(Default)]
struct Made(Vec<PathBuf>);

impl Made {
    fn directory(&mut self, path: &Path) -> Result<(), Failure> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
            self.directory(above)?;
        }
        fs::create_dir(path).map_err(Failure::writing(path))?;
        self.0.push(path.to_owned());
        Ok(())
    }

    fn file(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        // Whatever has come to be there since is not overwritten.
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        let mut file = file.map_err(Failure::writing(path))?;
        self.0.push(path.to_owned());
        file.write_all(text.as_bytes()).map_err(Failure::writing(path))
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // The first error is the one to tell.
        for path in self.0.iter().rev() {
            let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
    }
}

/// Has rustfmt break lines that long names make long, as `cargo new` does; without it they stay.
pub(super) fn format(directory: &Path, files: &[render::File]) {
    let sources: Vec<PathBuf> = files
        .iter()
        .filter(|file| file.name.ends_with(".rs"))
        .map(|file| directory.join(&file.name))
        .collect();
    if sources.is_empty() {
        return;
    }
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024"]).args(sources);
    let _ = rustfmt.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

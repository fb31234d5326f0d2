use std::{
    fs::{self, File, OpenOptions},
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

/// Writes everything, or leaves what was there: nothing.
pub(super) fn write(directory: &Path, files: &[render::File]) -> Result<(), Failure> {
    let is_new = !directory.exists();
    fs::create_dir_all(directory).map_err(Failure::writing(directory))?;
    let written =
        files.iter().try_for_each(|file| write_one(&directory.join(&file.name), &file.text));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = if is_new { fs::remove_dir_all(directory) } else { empty(directory) };
    }
    written
}

fn write_one(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(Failure::writing(parent))?;
    }
    // Whatever has come to be there since is not overwritten.
    let file: io::Result<File> = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Failure::writing(path))
}

fn empty(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
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

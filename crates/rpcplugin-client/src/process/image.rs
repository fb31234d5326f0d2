//! What a program's file is, from its first bytes: what interprets it, and whether this machine
//! can run it.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::{ffi::OsStringExt as _, fs::FileExt as _},
    path::{Path, PathBuf},
};

#[cfg(target_os = "linux")]
mod binfmt;
mod elf;

/// Why the kernel will not run this file; `None` if it will, or if that cannot be told from here.
#[cfg(target_os = "linux")]
pub(super) fn unfit(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() {
        return None;
    }
    // A file that may be run but not read is the kernel's to judge.
    match read(path).ok()? {
        Image::Native { .. } | Image::Script { .. } => None,
        Image::Unfit { detail } => (!binfmt::handles(path)).then_some(detail),
    }
}

/// Whether the kernel runs this open file by itself, without looking for it by its name.
#[cfg(target_os = "linux")]
pub(super) fn is_native(file: &File) -> bool {
    let mut magic = [0; 4];
    file.read_exact_at(&mut magic, 0).is_ok()
        && magic == elf::MAGIC
        && matches!(elf::read(file), Ok(Image::Native { .. }))
}

/// What the file is, for a message.
pub(super) fn describe(path: &Path) -> String {
    match read(path) {
        Ok(Image::Unfit { detail }) => detail,
        Ok(Image::Native { .. } | Image::Script { .. }) => {
            format!("this machine ({}) does not take it", std::env::consts::ARCH)
        }
        Err(error) => error.to_string(),
    }
}

/// The interpreter that the file names, if it names one.
pub(super) fn interpreter(path: &Path) -> Option<PathBuf> {
    match read(path).ok()? {
        Image::Script { interpreter } => Some(interpreter),
        Image::Native { interpreter } => interpreter,
        Image::Unfit { .. } => None,
    }
}

/// The first interpreter in the chain that does not exist.
pub(super) fn missing_interpreter(path: &Path) -> Option<PathBuf> {
    /// As deep as Linux goes.
    const DEPTH: usize = 5;
    let mut next = path.to_owned();
    for _ in 0..DEPTH {
        next = interpreter(&next)?;
        if !next.exists() {
            return Some(next);
        }
    }
    None
}

enum Image {
    /// Starts with `#!`.
    Script {
        interpreter: PathBuf,
    },
    /// A program for this machine, or one whose format only this system knows.
    Native {
        interpreter: Option<PathBuf>,
    },
    Unfit {
        detail: String,
    },
}

fn read(path: &Path) -> io::Result<Image> {
    const HEAD: usize = 256;
    let file = File::open(path)?;
    let mut head = [0; HEAD];
    let length = file.read_at(&mut head, 0)?;
    let head = &head[..length];
    if let Some(line) = head.strip_prefix(b"#!") {
        let interpreter = line
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default()
            .trim_ascii_start()
            // A carriage return is part of the name for the kernel, and the usual mistake.
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .next()
            .unwrap_or_default();
        let interpreter = OsString::from_vec(interpreter.to_vec()).into();
        return Ok(Image::Script { interpreter });
    }
    if head.starts_with(elf::MAGIC) {
        return elf::read(&file);
    }
    if !cfg!(target_os = "linux") {
        return Ok(Image::Native { interpreter: None });
    }
    let what = match head {
        [] => "an empty file",
        [b'M', b'Z', ..] => "a program for Windows",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => "a program for macOS",
        _ => "neither an ELF program nor a script with a #! line",
    };
    Ok(Image::Unfit { detail: what.to_owned() })
}

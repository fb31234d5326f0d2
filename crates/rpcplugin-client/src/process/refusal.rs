//! What a failed start was, told from the system's error and a look at the files involved.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use rpcplugin_core::{HandshakeError, MissingPart};

use super::resolve::resolve;

/// A start, as far as an error message needs it.
pub(super) struct Attempt {
    /// As the caller named it.
    named: OsString,
    /// As it was found.
    found: Option<PathBuf>,
    directory: Option<PathBuf>,
    /// Bytes of arguments and environment, with what the system adds to each.
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix tells that it was too much"))]
    size: usize,
}

impl Attempt {
    /// Looks the program up; `command` holds the child's whole environment.
    pub(super) fn new(command: &Command) -> Self {
        let named = command.get_program().to_owned();
        let directory = command.get_current_dir().map(Path::to_owned);
        let path = command.get_envs().find(|(name, _)| *name == OsStr::new("PATH"));
        let path = path.and_then(|(_, value)| value);
        Self {
            found: resolve(&named, directory.as_deref(), path),
            named,
            directory,
            size: size(command),
        }
    }

    /// The program as it was found, or as it was named.
    pub(super) fn into_program(self) -> PathBuf {
        self.found.unwrap_or_else(|| self.named.into())
    }

    /// The program, if it was found.
    pub(super) fn found(&self) -> Option<&Path> {
        self.found.as_deref()
    }

    fn program(&self) -> PathBuf {
        self.found.clone().unwrap_or_else(|| PathBuf::from(&self.named))
    }

    /// Refuses what no system of this kind can run.
    ///
    /// The C library would give such a file to `/bin/sh`, whose complaints about the bytes of a
    /// truncated program help nobody.
    pub(super) fn check(&self) -> Result<(), HandshakeError> {
        #[cfg(target_os = "linux")]
        if let Some(path) = &self.found
            && let Some(detail) = super::image::unfit(path)
        {
            return Err(HandshakeError::SpawnFormat { path: path.clone(), detail });
        }
        Ok(())
    }

    /// What `error` means for this start.
    #[cfg(unix)]
    pub(super) fn explain(&self, error: io::Error) -> HandshakeError {
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => self.not_found(),
            Some(libc::EACCES) => self.denied(),
            Some(libc::ENOEXEC) => self.format(),
            Some(libc::E2BIG) => HandshakeError::SpawnArgsTooLong { size: self.size },
            Some(libc::EAGAIN | libc::EMFILE | libc::ENFILE | libc::ENOMEM) => {
                HandshakeError::SpawnResources { source: error }
            }
            _ => HandshakeError::SpawnFailed { path: self.program(), source: error },
        }
    }

    /// What `error` means for this start.
    #[cfg(not(unix))]
    pub(super) fn explain(&self, error: io::Error) -> HandshakeError {
        match error.kind() {
            io::ErrorKind::NotFound => self.not_found(),
            io::ErrorKind::PermissionDenied => self.denied(),
            io::ErrorKind::OutOfMemory => HandshakeError::SpawnResources { source: error },
            _ => HandshakeError::SpawnFailed { path: self.program(), source: error },
        }
    }

    fn not_found(&self) -> HandshakeError {
        if let Some(directory) = self.directory.as_ref().filter(|directory| !directory.is_dir()) {
            return HandshakeError::SpawnNotFound {
                missing: MissingPart::Directory,
                path: directory.clone(),
            };
        }
        #[cfg(unix)]
        if let Some(program) = self.found.as_ref().filter(|program| program.exists())
            && let Some(interpreter) = super::image::missing_interpreter(program)
        {
            return HandshakeError::SpawnNotFound {
                missing: MissingPart::Interpreter,
                path: interpreter,
            };
        }
        HandshakeError::SpawnNotFound { missing: MissingPart::Program, path: self.program() }
    }

    fn denied(&self) -> HandshakeError {
        // The step that failed is not told, so the first that looks wrong is named.
        let interpreter = self.interpreter();
        let steps = [
            (self.directory.as_deref(), true),
            (self.found.as_deref(), false),
            (interpreter.as_deref(), false),
        ];
        let culprit = steps.into_iter().find_map(|(path, directory)| {
            path.filter(|path| !may_pass(path, directory)).map(Path::to_owned)
        });
        let path = culprit.unwrap_or_else(|| self.program());
        let detail = describe(&path);
        HandshakeError::SpawnDenied { path, detail }
    }

    fn interpreter(&self) -> Option<PathBuf> {
        #[cfg(unix)]
        return self.found.as_deref().and_then(super::image::interpreter);
        #[cfg(not(unix))]
        None
    }

    #[cfg(unix)]
    fn format(&self) -> HandshakeError {
        let path = self.program();
        let detail = super::image::describe(&path);
        HandshakeError::SpawnFormat { path, detail }
    }
}

/// Bytes that the system counts: each string with its NUL and its pointer.
fn size(command: &Command) -> usize {
    let entry = |bytes: usize| bytes + 1 + size_of::<usize>();
    let arguments = std::iter::once(command.get_program()).chain(command.get_args());
    let arguments: usize = arguments.map(|argument| entry(argument.len())).sum();
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let variables: usize = variables.map(|(name, value)| entry(name.len() + 1 + value.len())).sum();
    arguments + variables
}

/// Whether this process could enter the directory, or run the file.
#[cfg(unix)]
fn may_pass(path: &Path, directory: bool) -> bool {
    use rustix::fs::{Access, access};
    path.is_dir() == directory && access(path, Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn may_pass(path: &Path, directory: bool) -> bool {
    path.is_dir() == directory
}

/// Type, mode and owner.
fn describe(path: &Path) -> String {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return error.to_string(),
    };
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => "directory",
        kind if kind.is_file() => "file",
        _ => "neither file nor directory",
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let (mode, user, group) = (metadata.mode() & 0o7777, metadata.uid(), metadata.gid());
        format!("{kind}, mode {mode:04o}, owner {user}:{group}")
    }
    #[cfg(not(unix))]
    kind.to_owned()
}

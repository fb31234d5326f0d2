//! Running a program that is known by more than its name.

#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::{ffi::CString, io, ptr};

/// A program with arguments and environment, ready to be run without allocating.
#[derive(Debug)]
pub(crate) struct Program {
    file: ProgramFile,
    _strings: Vec<CString>,
    arguments: Pointers,
    environment: Pointers,
}

/// What is run.
#[derive(Debug)]
pub(crate) enum ProgramFile {
    /// An open file, whatever its name is by then.
    #[cfg(target_os = "linux")]
    Open(OwnedFd),
    Path(CString),
}

/// Pointers to strings, and a null pointer at the end.
#[derive(Debug)]
struct Pointers(Vec<*const libc::c_char>);

#[expect(unsafe_code, reason = "raw pointers are neither by themselves")]
// SAFETY: the pointers are only read, and point into heap buffers of `CString`s that live beside
// them in the same `Program`, are never changed, and do not move when it does.
unsafe impl Send for Pointers {}
#[expect(unsafe_code, reason = "raw pointers are neither by themselves")]
// SAFETY: as above; nothing behind the pointers is ever written.
unsafe impl Sync for Pointers {}

impl Program {
    pub(crate) fn new(
        file: ProgramFile,
        arguments: Vec<CString>,
        environment: Vec<CString>,
    ) -> Self {
        let pointers = |strings: &[CString]| {
            let pointers = strings.iter().map(|string| string.as_ptr());
            Pointers(pointers.chain([ptr::null()]).collect())
        };
        let (argv, envp) = (pointers(&arguments), pointers(&environment));
        let mut strings = arguments;
        strings.extend(environment);
        Self { file, _strings: strings, arguments: argv, environment: envp }
    }

    /// Returns only if the system refuses. Makes a system call only.
    pub(super) fn run(&self) -> io::Error {
        let (argv, envp) = (self.arguments.0.as_ptr(), self.environment.0.as_ptr());
        match &self.file {
            #[cfg(target_os = "linux")]
            ProgramFile::Open(file) => {
                #[expect(unsafe_code, reason = "no safe way to run an open file")]
                // SAFETY: a plain system call. Both arrays end with a null pointer, and they and
                // the strings that they point to live as long as `self`.
                unsafe {
                    libc::syscall(
                        libc::SYS_execveat,
                        file.as_raw_fd(),
                        c"".as_ptr(),
                        argv,
                        envp,
                        libc::AT_EMPTY_PATH,
                    );
                }
            }
            ProgramFile::Path(path) => {
                #[expect(unsafe_code, reason = "no safe way to run a file between fork and exec")]
                // SAFETY: `execve` is async-signal-safe, the path is a C string, and the arrays
                // are as above.
                unsafe {
                    libc::execve(path.as_ptr(), argv, envp);
                }
            }
        }
        io::Error::last_os_error()
    }
}

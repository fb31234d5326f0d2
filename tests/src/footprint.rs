use std::{fmt, fs, path::Path};

/// What a process holds at a moment.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Footprint {
    /// Its memory, without what it shares with a file such as its program, in KiB.
    pub kibibytes: u64,
    /// Its open descriptors.
    pub descriptors: usize,
}

impl Footprint {
    /// Of this process.
    ///
    /// # Panics
    ///
    /// If the system has no `/proc`.
    #[must_use]
    pub fn own() -> Self {
        Self::of(std::process::id())
    }

    /// Of any process of this user.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        let process = Path::new("/proc").join(pid.to_string());
        let descriptors = fs::read_dir(process.join("fd")).expect("the process runs").count();
        Self { kibibytes: super::memory::kilobytes(&process, "RssAnon:"), descriptors }
    }
}

impl fmt::Display for Footprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} descriptors", self.kibibytes, self.descriptors)
    }
}

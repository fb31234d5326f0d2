//! A process that runs out of descriptors.

use std::{fs::File, os::fd::AsRawFd as _};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Leaves this process so many descriptors to open, until it is dropped.
#[derive(Debug)]
pub struct Shortage {
    before: Rlimit,
    _below: Vec<File>,
}

impl Shortage {
    /// Takes all others away.
    ///
    /// # Panics
    ///
    /// If the system does not let it.
    #[must_use]
    pub fn of(free: u64) -> Self {
        let before = getrlimit(Resource::Nofile);
        let open = open_descriptors().max().unwrap_or(2);
        // The limit is on numbers, and those that are free below others count. The look at the
        // directory has a number itself, which is free again and may be the highest: so one more
        // is held than was seen.
        let mut below = Vec::new();
        let highest = loop {
            let file = File::open("/dev/null").expect("there are some left");
            let number = number(&file);
            below.push(file);
            if number >= open {
                break number;
            }
        };
        let limit = Rlimit { current: Some(highest + 1 + free), ..before };
        setrlimit(Resource::Nofile, limit).expect("it is below the one before");
        Self { before, _below: below }
    }
}

impl Drop for Shortage {
    fn drop(&mut self) {
        let _ = setrlimit(Resource::Nofile, self.before);
    }
}

/// Their numbers, and that of the look itself, which is free again.
fn open_descriptors() -> impl Iterator<Item = u64> {
    let entries = std::fs::read_dir("/proc/self/fd").expect("proc is mounted");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn number(file: &File) -> u64 {
    u64::try_from(file.as_raw_fd()).expect("descriptors are not negative")
}

use std::collections::BTreeSet;

use super::{descriptor, process, temporary, thread};

/// What existed before a test.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) processes: BTreeSet<process::Id>,
    pub(super) entries: BTreeSet<std::path::PathBuf>,
    pub(super) descriptors: BTreeSet<descriptor::Descriptor>,
    pub(super) threads: BTreeSet<u32>,
}

impl Snapshot {
    pub(super) fn take() -> Self {
        Self {
            processes: process::descendants(),
            entries: temporary::entries(),
            descriptors: descriptor::open(),
            threads: thread::all().into_keys().collect(),
        }
    }
}

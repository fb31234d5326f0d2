//! Taking more than a plugin should, within bounds that a machine survives.

use std::{
    fs::File,
    io::Write as _,
    net::TcpStream,
    process::{Child, Command},
    thread,
};

/// What was taken, held for as long as the process lives.
#[derive(Debug, Default)]
pub(crate) struct Hoard {
    memory: Vec<Vec<u8>>,
    files: Vec<File>,
    children: Vec<Child>,
}

impl Hoard {
    /// Takes so many MiB of memory, and writes to each page of it.
    pub(crate) fn allocate(&mut self, mebibytes: usize) {
        const MIB: usize = 1 << 20;
        for _ in 0..mebibytes {
            // Not zero, for which the system would give pages only later.
            self.memory.push(vec![1; MIB]);
        }
    }

    /// Opens files until that is refused, or there are so many; gives a few back, so that there
    /// is room for connections. Returns how many there were.
    pub(crate) fn open(&mut self, most: usize) -> usize {
        const GIVEN_BACK: usize = 8;
        let opened = std::iter::repeat_with(|| File::open("/dev/null")).take(most);
        self.files.extend(opened.map_while(Result::ok));
        let count = self.files.len();
        self.files.truncate(count.saturating_sub(GIVEN_BACK));
        count
    }

    /// Starts processes until that is refused, or there are so many. Returns how many.
    pub(crate) fn multiply(&mut self, most: usize) -> usize {
        let child = || Command::new("sleep").arg("300").spawn();
        self.children.extend(std::iter::repeat_with(child).take(most).map_while(Result::ok));
        self.children.len()
    }
}

/// Keeps so many threads busy, in the background.
pub(crate) fn spin(threads: usize) {
    for _ in 0..threads {
        thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
}

/// Writes so many MiB to a file.
pub(crate) fn grow(path: &str, mebibytes: usize) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    for _ in 0..mebibytes {
        file.write_all(&[0; 1 << 20])?;
    }
    Ok(())
}

/// Connects to a TCP port, and tells how that went.
pub(crate) fn dial(address: &str) -> String {
    match TcpStream::connect(address) {
        Ok(_) => "connected".to_owned(),
        Err(error) => error.to_string(),
    }
}

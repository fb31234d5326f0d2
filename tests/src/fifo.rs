use std::{
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::unix::pipe,
};

/// A named pipe between a test and a plugin, for one direction.
///
/// The test holds both of its ends, so neither side waits for the other to open it.
#[derive(Debug)]
pub struct Fifo {
    path: PathBuf,
    receiver: BufReader<pipe::Receiver>,
    sender: pipe::Sender,
}

impl Fifo {
    /// Makes the pipe.
    ///
    /// # Errors
    ///
    /// The system's, if the path exists or cannot be made.
    pub fn create(directory: &Path, name: &str) -> io::Result<Self> {
        let path = directory.join(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let mut options = pipe::OpenOptions::new();
        let receiver = BufReader::new(options.read_write(true).open_receiver(&path)?);
        Ok(Self { sender: options.open_sender(&path)?, path, receiver })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.to_str().expect("directories of tests have plain names")
    }

    /// The next line that a plugin wrote, without its end.
    ///
    /// # Errors
    ///
    /// The system's, and `TimedOut` if none comes within ten seconds.
    pub async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        let read = self.receiver.read_line(&mut line);
        tokio::time::timeout(std::time::Duration::from_secs(10), read).await??;
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    /// Lets a plugin go on that waits at this pipe, now or later.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn release(&mut self) -> io::Result<()> {
        self.sender.write_all(b"\n").await
    }
}

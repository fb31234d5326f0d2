//! Reading a file that may be anything.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    path::Path,
};

use zeroize::{Zeroize as _, Zeroizing};

/// Most bytes of a file of any kind.
const LONGEST: u64 = 1024 * 1024;

/// Opens a regular file, and only that: a named pipe must not hold the start up.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        // The same bits in another type.
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    Ok(file)
}

/// The whole of it, which must be text of at most 1 MiB. It may be a secret, so it is wiped when
/// dropped.
pub(crate) fn read(file: File) -> io::Result<Zeroizing<String>> {
    // Room for all of it at once, and for the look whether it has grown: a buffer that grows leaves
    // copies.
    let length = file.metadata()?.len().min(LONGEST);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 64));
    // One byte more, to see that there is more.
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|error| {
        // The bytes stay out of the error: they may be a secret.
        let place = error.utf8_error().valid_up_to();
        error.into_bytes().zeroize();
        io::Error::new(io::ErrorKind::InvalidData, format!("byte {place} of it is not UTF-8"))
    })
}

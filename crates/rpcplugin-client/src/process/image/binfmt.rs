use std::{fs, io::Read as _, path::Path};

/// Whether an administrator registered an interpreter for files of this kind, such as an emulator
/// for another machine.
pub(super) fn handles(path: &Path) -> bool {
    const HEAD: usize = 256;
    let Ok(entries) = fs::read_dir("/proc/sys/fs/binfmt_misc") else { return false };
    let mut head = Vec::new();
    if fs::File::open(path).is_ok_and(|file| file.take(HEAD as u64).read_to_end(&mut head).is_err())
    {
        return false;
    }
    entries
        .flatten()
        .filter(|entry| !matches!(entry.file_name().to_str(), Some("register" | "status")))
        .filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .any(|handler| matches(&handler, &head, path))
}

/// Whether one handler, as the kernel describes it, takes this file.
fn matches(handler: &str, head: &[u8], path: &Path) -> bool {
    let value = |key: &str| handler.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    if !handler.starts_with("enabled") {
        return false;
    }
    if let Some(extension) = value("extension .") {
        return path.extension().is_some_and(|own| own == extension);
    }
    let offset = value("offset ").and_then(|offset| offset.parse().ok()).unwrap_or(0);
    let Some(magic) = value("magic ").and_then(bytes) else { return false };
    let mask = value("mask ").and_then(bytes).unwrap_or_else(|| vec![0xff; magic.len()]);
    let Some(found) = head.get(offset..).and_then(|rest| rest.get(..magic.len())) else {
        return false;
    };
    found.iter().zip(&magic).zip(&mask).all(|((found, magic), mask)| (found ^ magic) & mask == 0)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARM: &str = "enabled\ninterpreter /usr/bin/qemu-arm\nflags: OCF\noffset 0\n\
                       magic 7f454c4601\nmask ffffffff00\n";

    #[test]
    fn handlers_match_by_magic_under_their_mask() {
        assert!(matches(ARM, b"\x7fELF\x02rest", Path::new("x")));
        assert!(!matches(ARM, b"\x7fELG\x02rest", Path::new("x")));
        assert!(!matches(ARM, b"\x7fEL", Path::new("x")));
        assert!(!matches(&ARM.replace("enabled", "disabled"), b"\x7fELF\x02", Path::new("x")));
    }

    #[test]
    fn handlers_match_by_extension() {
        let jar = "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n";
        assert!(matches(jar, b"PK", Path::new("/a/b.jar")));
        assert!(!matches(jar, b"PK", Path::new("/a/b.zip")));
    }
}

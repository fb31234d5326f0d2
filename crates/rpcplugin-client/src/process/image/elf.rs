use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::{ffi::OsStringExt as _, fs::FileExt as _},
};

use super::Image;

pub(super) const MAGIC: &[u8] = b"\x7fELF";

const PT_LOAD: u64 = 1;
const PT_INTERP: u64 = 3;

/// Where the fields are that matter here, for the two widths.
struct Layout {
    header: usize,
    phoff: (usize, usize),
    phentsize: usize,
    phnum: usize,
    segment: usize,
    offset: (usize, usize),
    filesz: (usize, usize),
}

const NARROW: Layout = Layout {
    header: 52,
    phoff: (28, 4),
    phentsize: 42,
    phnum: 44,
    segment: 32,
    offset: (4, 4),
    filesz: (16, 4),
};
const WIDE: Layout = Layout {
    header: 64,
    phoff: (32, 8),
    phentsize: 54,
    phnum: 56,
    segment: 56,
    offset: (8, 8),
    filesz: (32, 8),
};

/// Reads the headers of a file that starts with [`MAGIC`].
pub(super) fn read(file: &File) -> io::Result<Image> {
    let length = file.metadata()?.len();
    let truncated = || Image::Unfit { detail: format!("a truncated ELF file of {length} bytes") };
    let mut head = [0; 64];
    let got = file.read_at(&mut head, 0)?;
    let head = &head[..got];
    let (layout, bits) = match head.get(4) {
        Some(1) => (NARROW, 32),
        Some(2) => (WIDE, 64),
        _ => return Ok(truncated()),
    };
    if head.len() < layout.header {
        return Ok(truncated());
    }
    let big_endian = head[5] == 2;
    let number = |bytes: &[u8], (at, width): (usize, usize)| -> u64 {
        let field = bytes.get(at..at + width).unwrap_or_default();
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if big_endian { field.iter().fold(0, fold) } else { field.iter().rev().fold(0, fold) }
    };
    let (kind, machine) = (number(head, (16, 2)), number(head, (18, 2)));
    let found = format!("{bits}-bit {}", machine_name(machine));
    if !runs_here(machine, bits, big_endian) {
        let needed = std::env::consts::ARCH;
        return Ok(Image::Unfit { detail: format!("built for {found}, needed is {needed}") });
    }
    // 2 is a program at a fixed address, 3 one at any; libraries are 3 as well.
    if !matches!(kind, 2 | 3) {
        return Ok(Image::Unfit { detail: format!("an ELF file for {found}, but not a program") });
    }
    let table = number(head, layout.phoff);
    let count = number(head, (layout.phnum, 2));
    let step = number(head, (layout.phentsize, 2));
    let mut interpreter = None;
    for index in 0..count {
        let mut segment = [0; 56];
        let segment = &mut segment[..layout.segment];
        let at = index.checked_mul(step).and_then(|offset| offset.checked_add(table));
        if at.is_none_or(|at| file.read_exact_at(segment, at).is_err()) {
            return Ok(truncated());
        }
        let (kind, offset) = (number(segment, (0, 4)), number(segment, layout.offset));
        let size = number(segment, layout.filesz);
        let within = offset.checked_add(size).is_some_and(|end| end <= length);
        if matches!(kind, PT_LOAD | PT_INTERP) && !within {
            return Ok(truncated());
        }
        if kind == PT_INTERP {
            interpreter = Some(name_at(file, offset, size)?.into());
        }
    }
    Ok(Image::Native { interpreter })
}

/// A path in the file, which ends in NUL.
fn name_at(file: &File, offset: u64, size: u64) -> io::Result<OsString> {
    /// The longest path that Linux takes.
    const LONGEST: u64 = 4096;
    let size = usize::try_from(size.min(LONGEST)).unwrap_or_default();
    let mut name = vec![0; size];
    file.read_exact_at(&mut name, offset)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(size);
    name.truncate(end);
    Ok(OsString::from_vec(name))
}

const NARROW_X86: u64 = 3;

/// Machines by their numbers in ELF, where they and their 32-bit forms run, by Rust's names.
const MACHINES: &[(u64, &str, &[&str])] = &[
    (2, "SPARC", &["sparc", "sparc64"]),
    (NARROW_X86, "x86", &["x86", "x86_64"]),
    (8, "MIPS", &["mips", "mips64", "mips32r6", "mips64r6"]),
    (20, "PowerPC", &["powerpc", "powerpc64"]),
    (21, "PowerPC 64", &["powerpc64"]),
    (22, "S/390", &["s390x"]),
    (40, "ARM", &["arm", "aarch64"]),
    (43, "SPARC 64", &["sparc64"]),
    (62, "x86-64", &["x86_64"]),
    (183, "AArch64", &["aarch64"]),
    (243, "RISC-V", &["riscv32", "riscv64"]),
    (258, "LoongArch", &["loongarch64"]),
];

fn machine_name(machine: u64) -> String {
    let known = MACHINES.iter().find(|(number, ..)| *number == machine);
    known.map_or_else(|| format!("machine {machine}"), |(_, name, _)| (*name).to_owned())
}

/// Whether this machine may run it; when in doubt the kernel decides.
fn runs_here(machine: u64, bits: u32, big_endian: bool) -> bool {
    let here = std::env::consts::ARCH;
    if !MACHINES.iter().any(|(.., places)| places.contains(&here)) {
        return true;
    }
    let fits = MACHINES.iter().any(|(number, _, at)| *number == machine && at.contains(&here));
    fits && bits <= usize::BITS && big_endian == cfg!(target_endian = "big")
}

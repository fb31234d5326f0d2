//! Names and orders that nobody can guess.

use std::io;

/// A name that nobody can guess: `prefix` and `length` random characters of five bits each.
#[cfg(unix)]
pub(crate) fn name(prefix: &str, length: usize) -> io::Result<String> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes)?;
    let random = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(prefix.chars().chain(random).collect())
}

/// Whether [`name`] makes random parts with this byte.
#[cfg(unix)]
pub(crate) fn is_in_name(byte: &u8) -> bool {
    ALPHABET.contains(byte)
}

#[cfg(unix)]
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Every number below `count`, each once, in random order.
///
/// A random start and a random stride without a common divisor: not every order can come up,
/// but no two plugins that start at once are likely to try the same ports in the same order.
pub(crate) fn order(count: u32) -> io::Result<impl Iterator<Item = u32>> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    let [a, b, c, d, e, f, g, h] = bytes;
    let start = u64::from(u32::from_le_bytes([a, b, c, d]) % count.max(1));
    let mut stride = u64::from(u32::from_le_bytes([e, f, g, h]) % count.max(1)).max(1);
    let count = u64::from(count);
    while gcd(stride, count.max(1)) != 1 {
        stride += 1;
    }
    Ok((0..count).map(move |step| ((start + step * stride) % count) as u32))
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_once() {
        for count in [0, 1, 2, 3, 10, 97, 64 * 1024] {
            let mut seen: Vec<u32> = order(count).unwrap().collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..count));
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_differ() {
        assert_eq!(name("plugin", 10).unwrap().len(), 16);
        assert_ne!(name("plugin", 10).unwrap(), name("plugin", 10).unwrap());
    }
}

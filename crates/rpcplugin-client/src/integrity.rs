use std::fmt;

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::{Choice, ConstantTimeEq as _};

/// What may be started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Integrity {
    pub(crate) digests: Option<Digests>,
    pub(crate) trusted_paths_only: bool,
}

/// A hash function for executables.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// A fresh state.
    pub(crate) fn hasher(self) -> Hasher {
        match self {
            Self::Sha256 => Hasher::Sha256(Sha256::new()),
            Self::Sha384 => Hasher::Sha384(Sha384::new()),
            Self::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }
}

/// The state of a hash function.
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha256(state) => state.finalize().to_vec(),
            Self::Sha384(state) => state.finalize().to_vec(),
            Self::Sha512(state) => state.finalize().to_vec(),
        }
    }
}

/// The digests of the executables that may be started.
#[derive(Clone, Debug)]
pub(crate) struct Digests {
    pub(crate) algorithm: Algorithm,
    allowed: Vec<Vec<u8>>,
}

impl Digests {
    /// Takes bytes as they are, and twice as many hexadecimal digits for the bytes they stand
    /// for. What has another length equals no digest.
    pub(crate) fn new<D: AsRef<[u8]>>(
        algorithm: Algorithm,
        digests: impl IntoIterator<Item = D>,
    ) -> Self {
        let read = |digest: D| {
            let digest = digest.as_ref();
            let text = (digest.len() == 2 * algorithm.length()).then(|| from_hex(digest));
            text.flatten().unwrap_or_else(|| digest.to_vec())
        };
        Self { algorithm, allowed: digests.into_iter().map(read).collect() }
    }

    /// Whether one of them is this digest. Every one is compared, and in full.
    pub(crate) fn allow(&self, found: &[u8]) -> bool {
        let any = |any: Choice, allowed: &Vec<u8>| any | allowed.as_slice().ct_eq(found);
        self.allowed.iter().fold(Choice::from(0), any).into()
    }
}

impl fmt::Display for Digests {
    /// In words for a message: the first few.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 3;
        let length = self.algorithm.length();
        let shown = self.allowed.iter().take(SHOWN).map(|digest| match digest.len() {
            0 => "an empty digest".to_owned(),
            bytes if bytes != length => format!("a digest of {bytes} bytes instead of {length}"),
            _ => hex(digest),
        });
        let shown: Vec<String> = shown.collect();
        match self.allowed.len().saturating_sub(SHOWN) {
            0 if shown.is_empty() => f.write_str("none, because no digest was given"),
            0 => f.write_str(&shown.join(" or ")),
            more => write!(f, "{} or one of {more} more", shown.join(", ")),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of no bytes at all.
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn bytes_and_hexadecimal_digits_name_the_same_digest() {
        let found = Algorithm::Sha256.hasher().finish();
        assert_eq!(hex(&found), EMPTY);
        assert!(Digests::new(Algorithm::Sha256, [EMPTY]).allow(&found));
        assert!(Digests::new(Algorithm::Sha256, [EMPTY.to_uppercase()]).allow(&found));
        assert!(Digests::new(Algorithm::Sha256, [&found]).allow(&found));
        assert!(Digests::new(Algorithm::Sha256, [vec![0; 32], found.clone()]).allow(&found));
    }

    #[test]
    fn nothing_else_is_allowed_and_the_message_says_what_is() {
        let found = Algorithm::Sha256.hasher().finish();
        let none: [&str; 0] = [];
        for (digests, text) in [
            (Digests::new(Algorithm::Sha256, none), "none, because no digest was given"),
            (Digests::new(Algorithm::Sha256, [""]), "an empty digest"),
            (Digests::new(Algorithm::Sha256, [&EMPTY[2..]]), "a digest of 62 bytes instead of 32"),
            (Digests::new(Algorithm::Sha256, [&found[1..]]), "a digest of 31 bytes instead of 32"),
            (Digests::new(Algorithm::Sha512, [EMPTY]), EMPTY_AS_RAW),
        ] {
            assert!(!digests.allow(&found), "{digests}");
            assert_eq!(digests.to_string(), text);
        }
    }

    /// 64 bytes are a whole SHA-512 digest, even if they look like digits.
    const EMPTY_AS_RAW: &str = "65336230633434323938666331633134396166626634633839393666623932\
        343237616534316534363439623933346361343935393931623738353262383535";
}

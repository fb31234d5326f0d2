//! Between the words of settings and the types of this crate.

use rpcplugin_core::config::{CertKeyType, TlsMinVersion};

use crate::{KeyType, TlsVersion};

impl From<CertKeyType> for KeyType {
    /// A kind that no table of this version has is the default.
    fn from(word: CertKeyType) -> Self {
        match word {
            CertKeyType::P384 => Self::P384,
            CertKeyType::Ed25519 => Self::Ed25519,
            CertKeyType::P521 => Self::P521,
            _ => Self::P256,
        }
    }
}

impl From<KeyType> for CertKeyType {
    fn from(kind: KeyType) -> Self {
        match kind {
            KeyType::P256 => Self::P256,
            KeyType::P384 => Self::P384,
            KeyType::Ed25519 => Self::Ed25519,
            KeyType::P521 => Self::P521,
        }
    }
}

impl From<TlsMinVersion> for TlsVersion {
    /// A version that no table of this version has is the default.
    fn from(word: TlsMinVersion) -> Self {
        match word {
            TlsMinVersion::Tls13 => Self::Tls13,
            _ => Self::Tls12,
        }
    }
}

impl From<TlsVersion> for TlsMinVersion {
    fn from(version: TlsVersion) -> Self {
        match version {
            TlsVersion::Tls12 => Self::Tls12,
            TlsVersion::Tls13 => Self::Tls13,
        }
    }
}

#[cfg(test)]
mod tests {
    use rpcplugin_core::config::{Config, Setting};

    use super::*;

    /// Each word of a setting, and what becomes of it there and back.
    #[track_caller]
    fn there_and_back<W, T>(setting: Setting, words: &[&str], read: fn(&Config) -> W)
    where
        W: Copy + Eq + std::fmt::Debug + std::fmt::Display + From<T> + Into<T>,
    {
        for word in words {
            let config = Config::builder().set(setting.key().unwrap(), *word).build().unwrap();
            let there: T = read(&config).into();
            assert_eq!(W::from(there).to_string(), *word);
        }
    }

    #[test]
    fn each_word_has_a_type_of_its_own() {
        let kinds = ["p256", "p384", "ed25519", "p521"];
        there_and_back::<CertKeyType, KeyType>(Setting::CertKeyType, &kinds, Config::cert_key_type);
        let versions = ["1.2", "1.3"];
        there_and_back::<TlsMinVersion, TlsVersion>(
            Setting::TlsMinVersion,
            &versions,
            Config::tls_min_version,
        );
    }
}

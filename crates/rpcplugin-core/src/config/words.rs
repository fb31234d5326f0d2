//! Settings that are one word of a few.

use std::fmt;

/// Makes an enum of its words: `Display` writes them, `parse` reads them in any case.
macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal $(| $other:literal)*,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            pub(crate) const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word for it in a configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads the word, in any case.
            pub(crate) fn parse(text: &str) -> Option<Self> {
                let is = |word: &str| text.eq_ignore_ascii_case(word);
                $(if is($word) $(|| is($other))* { return Some(Self::$variant); })*
                None
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

words! {
    /// The lowest level of log lines that pass.
    LogLevel {
        /// Everything.
        Trace = "TRACE",
        /// What helps to find a fault.
        Debug = "DEBUG",
        /// What happens.
        Info = "INFO",
        /// What may be wrong; also written `WARNING`.
        Warn = "WARN" | "WARNING",
        /// What failed; also written `CRITICAL`.
        Error = "ERROR" | "CRITICAL",
        /// Nothing.
        Off = "OFF",
    }
    /// The kind of key that certificates are made with.
    CertKeyType {
        /// ECDSA on P-256.
        P256 = "p256",
        /// ECDSA on P-384.
        P384 = "p384",
        /// Ed25519.
        Ed25519 = "ed25519",
        /// ECDSA on P-521, in a build with `aws-lc-rs`.
        P521 = "p521",
    }
    /// The oldest TLS that is accepted; a later variant protects more.
    TlsMinVersion {
        /// TLS 1.2.
        Tls12 = "1.2",
        /// TLS 1.3.
        Tls13 = "1.3",
    }
    /// When reflection is served; a later variant shows less.
    ReflectionMode {
        /// Also in plaintext.
        Always = "always",
        /// Where TLS authenticates the connection.
        Tls = "tls",
        /// Not at all.
        Never = "never",
    }
}

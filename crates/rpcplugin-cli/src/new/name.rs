use std::{fmt, str::FromStr};

/// What a project is called: good as a package of Cargo, a directory, and in code.
#[derive(Clone, Debug)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// As Rust's code names the crate.
    pub(super) fn identifier(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(plain) {
            return Err("a name begins with a letter from a to z, and has only such letters, \
                        digits, - and _"
                .to_owned());
        }
        if text.len() > LONGEST {
            return Err(format!("a name has {LONGEST} letters at most"));
        }
        let word = text.replace('-', "_");
        let reserved = RESERVED.iter().find(|(_, words)| words.contains(&&*word));
        match reserved {
            Some((reason, _)) => Err(format!("the name {text} is taken: {reason}")),
            None => Ok(Self(text.to_owned())),
        }
    }
}

const LONGEST: usize = 64;

/// Words that cannot name a crate, a module or a file on some system, and why.
const RESERVED: [(&str, &[&str]); 5] = [
    (
        "it is a word of Rust",
        &[
            "abstract", "as", "async", "await", "become", "box", "break", "const", "continue",
            "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen",
            "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override",
            "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
            "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while",
            "yield",
        ],
    ),
    ("Rust's own libraries have it", &["alloc", "core", "proc_macro", "std", "test"]),
    (
        "the project depends on a crate of that name",
        &[
            "prost",
            "prost_types",
            "protox",
            "rpcplugin",
            "tokio",
            "tokio_stream",
            "tonic",
            "tonic_prost",
            "tonic_prost_build",
        ],
    ),
    ("Cargo makes a directory of that name", &["build", "deps", "examples", "incremental"]),
    ("Windows has a device of that name", &["aux", "con", "nul", "prn"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(name: &str, why: &str) {
        let error = name.parse::<Name>().unwrap_err();
        assert!(error.contains(why), "{name}: {error}");
    }

    #[test]
    fn names_are_those_of_packages() {
        for name in ["a", "greeter", "my-plugin", "my_plugin2", &"a".repeat(LONGEST)] {
            assert_eq!(name.parse::<Name>().unwrap().as_str(), name);
        }
        assert_eq!("my-plugin".parse::<Name>().unwrap().identifier(), "my_plugin");
        for name in ["", "2fast", "-a", "_a", "Greeter", "a b", "a/b", "a.b", "../a", "ä", "a\n"] {
            refused(name, "a name begins with");
        }
        refused(&"a".repeat(LONGEST + 1), "64 letters at most");
    }

    #[test]
    fn words_that_are_taken_are_refused_with_the_reason() {
        refused("fn", "a word of Rust");
        refused("core", "Rust's own libraries");
        refused("tonic-prost", "depends on a crate");
        refused("build", "Cargo makes a directory");
        refused("nul", "Windows");
    }
}

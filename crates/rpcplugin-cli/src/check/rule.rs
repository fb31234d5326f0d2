//! What a rule is. The table is `plugin/rules.rs`.

/// Whether a peer that breaks a rule can be used at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Level {
    /// Breaking it is a failure.
    Must,
    /// Breaking it costs something that the finding names, and is a warning.
    Should,
}

impl Level {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
        }
    }
}

/// One rule of `docs/wire-format.md`.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Its stable name.
    pub(crate) id: &'static str,
    pub(crate) level: Level,
    /// The section of `docs/wire-format.md` that it is taken from.
    pub(crate) section: &'static str,
    /// What is so if the rule is kept.
    pub(crate) title: &'static str,
    /// What to do if it is not.
    pub(crate) fix: &'static str,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Makes a constant of each row, and the list of all.
macro_rules! rules {
    ($($name:ident $id:literal $level:ident $section:literal $title:literal $fix:literal;)+) => {
        $(pub(crate) const $name: &$crate::check::rule::Rule = &$crate::check::rule::Rule {
            id: $id,
            level: $crate::check::rule::Level::$level,
            section: $section,
            title: $title,
            fix: $fix,
        };)+

        /// All of them, in the order of reports.
        pub(crate) const ALL: &[&$crate::check::rule::Rule] = &[$($name),+];
    };
}
pub(crate) use rules;

use std::fmt;

use super::FilePlace;

/// Where a value came from; a later variant wins over an earlier one.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// Nobody set it.
    Default,
    /// A profile that every build knows, by its name.
    BuiltInProfile(&'static str),
    /// The program, with `set`, `program` or a builder.
    Program,
    /// A file, at this place.
    File(FilePlace),
    /// This variable of the environment.
    Variable(&'static str),
}

impl Source {
    /// Where in a file, if it is one.
    pub(crate) const fn place(&self) -> Option<&FilePlace> {
        match self {
            Self::File(place) => Some(place),
            _ => None,
        }
    }

    /// Whether somebody else may have written it: each file is a layer of its own.
    pub(super) fn is_other_layer(&self, other: &Self) -> bool {
        match (self.place(), other.place()) {
            (Some(one), Some(other)) => one.path() != other.path(),
            _ => self.rank() != other.rank(),
        }
    }

    /// Sources of one rank follow the order in which they are named.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::BuiltInProfile(_) => 1,
            Self::Program => 2,
            Self::File(_) => 3,
            Self::Variable(_) => 4,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::BuiltInProfile(name) => write!(f, "the built-in profile {name}"),
            Self::Program => f.write_str("the program"),
            Self::File(place) => place.fmt(f),
            Self::Variable(name) => write!(f, "variable {name}"),
        }
    }
}

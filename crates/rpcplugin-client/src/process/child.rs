//! A child of this process, and news of its end, as each system has them.

#[cfg(target_os = "linux")]
pub(crate) mod descendants;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub(super) use self::descendants::{Budget, Family};
#[cfg(unix)]
pub(super) use self::unix::{ExitWatch, OwnedChild};
#[cfg(windows)]
pub(super) use self::windows::{ExitWatch, OwnedChild};

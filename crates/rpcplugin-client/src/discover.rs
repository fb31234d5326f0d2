//! Plugin executables of a directory, and what their manifests say.
//!
//! **Invariant:** nothing is executed, and no file is read that others could have written.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rpcplugin_core::{ConfigError, Error};
use tokio::process::Command;

use crate::{Builder, settings};

mod manifest;
#[cfg(test)]
#[cfg(unix)]
mod tests;
mod trust;

pub use self::manifest::Manifest;

/// Entries of a directory that are looked at.
const MOST_ENTRIES: usize = 100_000;
/// How a manifest's name goes on after the plugin's.
const MANIFEST: &str = ".plugin.toml";

/// Lists the plugin executables of a directory whose file names match `pattern`, sorted by name.
///
/// In the pattern `*` stands for any characters, `?` for one, `[a-z]` for one of those; a name that
/// begins with a dot needs one in the pattern. A file `NAME.plugin.toml` beside the executable
/// `NAME` is its [`Manifest`]. Directories are passed over.
///
/// Whatever else matches and cannot be used is reported: files that are not executable, files that
/// others than this user and root could have written, links that belong to others, broken links,
/// and plugins with such a manifest, a linked one, or one that does not fit.
///
/// Reads files, and blocks for as long as the file system takes. Starts nothing.
///
/// # Errors
///
/// `CONFIG_INVALID` for a pattern that cannot match a file name; `CONFIG_FILE_NOT_FOUND` if the
/// directory cannot be read; `SECURITY_FILE_PERMISSIONS` if others could put files of theirs into
/// it, or another directory in its place: those above it are looked at, too.
///
/// # Example
///
/// ```no_run
/// use rpcplugin_client::{Client, discover};
/// use rpcplugin_core::MagicCookie;
///
/// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1");
///
/// # async fn run() -> Result<(), rpcplugin_core::Error> {
/// let discovery = discover("/usr/lib/my-app", "my-app-plugin-*")?;
/// for rejected in &discovery.rejected {
///     eprintln!("{}: {}", rejected.path.display(), rejected.error);
/// }
/// for found in &discovery.found {
///     let builder = found.builder(Client::builder(COOKIE))?;
///     let plugin = builder.spawn(found.command()).await?;
///     println!("{}: version {}", found.name(), plugin.version());
/// }
/// # Ok(())
/// # }
/// ```
pub fn discover(directory: impl AsRef<Path>, pattern: &str) -> Result<Discovery, Error> {
    list(directory.as_ref(), &compile(pattern)?, MOST_ENTRIES)
}

fn list(directory: &Path, pattern: &Pattern, most: usize) -> Result<Discovery, Error> {
    let unreadable = |source| ConfigError::FileNotFound { path: directory.to_owned(), source };
    trust::check_directory(directory).map_err(|error| match error {
        trust::Refusal::System(source) => unreadable(source).into(),
        trust::Refusal::Security(error) => Error::from(error),
    })?;
    let mut paths = Vec::new();
    let mut is_complete = true;
    for (count, entry) in fs::read_dir(directory).map_err(unreadable)?.enumerate() {
        if count == most {
            is_complete = false;
            tracing::warn!(directory = %directory.display(), most, "the directory has more entries than are looked at: some plugins may not be found");
            break;
        }
        let path = entry.map_err(unreadable)?.path();
        if file_name(&path).is_some_and(|name| !name.ends_with(MANIFEST) && pattern.matches(name)) {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    let mut discovery = Discovery { found: Vec::new(), rejected: Vec::new(), is_complete };
    for path in paths {
        match Found::at(&path) {
            Ok(Some(found)) => discovery.found.push(found),
            Ok(None) => {}
            Err(error) => discovery.rejected.push(Rejected { path, error }),
        }
    }
    Ok(discovery)
}

/// What [`discover`] found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Discovery {
    /// The plugins, sorted by file name.
    pub found: Vec<Found>,
    /// The files that look like plugins and are left out, sorted by file name.
    pub rejected: Vec<Rejected>,
    /// Whether the whole directory was looked at: of more than 100,000 entries the rest is passed
    /// over, with a warning.
    pub is_complete: bool,
}

/// A file that [`discover`] left out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rejected {
    /// The file that matched.
    pub path: PathBuf,
    /// Why it is left out. It names the executable, or the manifest and its key.
    pub error: Error,
}

/// A plugin executable.
#[derive(Clone, Debug)]
pub struct Found {
    path: PathBuf,
    name: String,
    manifest: Option<Manifest>,
}

impl Found {
    /// The executable.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its file name, on Windows without `.exe`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands in the file beside it, if there is one.
    #[must_use]
    pub const fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// The command that starts it, with the arguments of the manifest.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(self.manifest.iter().flat_map(|manifest| &manifest.arguments));
        command
    }

    /// Adds to a builder what the manifest says of cookie, versions and digests.
    ///
    /// A manifest narrows the versions that the host has, and never adds one: host code knows
    /// only those. Its digests count if the builder has none: what host code demands, no file can
    /// replace.
    ///
    /// # Errors
    ///
    /// `HANDSHAKE_VERSION_MISMATCH` if manifest and host have no version in common; `CONFIG_…` and
    /// `SECURITY_…` for settings of the builder, or of its configuration, that cannot work.
    pub fn builder(&self, mut builder: Builder) -> Result<Builder, Error> {
        let Some(manifest) = &self.manifest else { return Ok(builder) };
        if let Some(cookie) = &manifest.cookie {
            builder.cookie = cookie.clone();
        }
        if !manifest.sha256.is_empty() && builder.options.integrity.digests.is_none() {
            builder = builder.sha256(&manifest.sha256);
        }
        if !manifest.versions.is_empty() {
            builder.options.manifest_versions = Some(manifest.versions.clone());
            settings::versions(&builder.resolve()?, builder.options.manifest_versions.as_deref())?;
        }
        Ok(builder)
    }

    /// `None` for a directory.
    fn at(path: &Path) -> Result<Option<Self>, Error> {
        let not_found = |source: io::Error| {
            Error::from(ConfigError::FileNotFound { path: path.to_owned(), source })
        };
        // In a directory like /tmp anybody can make a link to a program that is to be trusted, and
        // choose by its name which one is started.
        trust::check_owner(path, &path.symlink_metadata().map_err(not_found)?)?;
        let metadata = fs::metadata(path).map_err(not_found)?;
        if metadata.is_dir() {
            return Ok(None);
        }
        trust::check_executable(path, &metadata)?;
        let name = file_name(path).unwrap_or_default();
        let manifest = Manifest::read(&path.with_file_name(format!("{name}{MANIFEST}")))?;
        Ok(Some(Self { path: path.to_owned(), name: name.to_owned(), manifest }))
    }
}

/// The name of a file without what Windows adds to programs; `None` if it is no text.
fn file_name(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    Some(name.strip_suffix(std::env::consts::EXE_SUFFIX).unwrap_or(name))
}

/// A pattern for names, without the separators of paths.
struct Pattern(glob::Pattern);

fn compile(pattern: &str) -> Result<Pattern, ConfigError> {
    let compiled = glob::Pattern::new(pattern).ok();
    compiled.filter(|_| !pattern.is_empty() && !pattern.contains(['/', '\\'])).map(Pattern).ok_or(
        ConfigError::Invalid {
            setting: "pattern",
            value: rpcplugin_core::escape_text(pattern),
            expected: "a file name with *, ? or [a-z] for what differs",
        },
    )
}

impl Pattern {
    fn matches(&self, name: &str) -> bool {
        let options =
            glob::MatchOptions { require_literal_leading_dot: true, ..Default::default() };
        self.0.matches_with(name, options)
    }
}

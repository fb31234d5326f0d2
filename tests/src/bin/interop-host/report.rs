use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

/// Prints the outcome of each check as soon as it is known: after a hang or a crash the last line
/// tells how far the host came.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    skip: &'a [String],
    failed: bool,
}

impl<'a> Report<'a> {
    pub(crate) fn new(skip: &'a [String]) -> Self {
        Self { skip, failed: false }
    }

    /// Runs one check, unless it is among those to skip, and returns what it found out.
    ///
    /// A check gives what is worth telling beside it.
    pub(crate) async fn check<T>(
        &mut self,
        name: &str,
        run: impl Future<Output = Result<(T, String)>>,
    ) -> Option<T> {
        if self.skip.iter().any(|skipped| skipped == name) {
            return None;
        }
        let (found, detail) = match run.await {
            Ok((found, detail)) => (Some(found), detail),
            Err(error) => (None, format!("{error:#}")),
        };
        self.failed |= found.is_none();
        println!("{}", json!({ "check": name, "passed": found.is_some(), "detail": detail }));
        found
    }

    /// Runs one check that finds out nothing to go on with.
    pub(crate) async fn that(&mut self, name: &str, run: impl Future<Output = Result<String>>) {
        self.check(name, async { Ok(((), run.await?)) }).await;
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

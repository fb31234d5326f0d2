use std::sync::Arc;

use crate::{Builder, Runner};

impl Builder {
    /// How the plugin comes to run; default a process of this machine.
    ///
    /// All that this builder says of a plugin holds for what the runner starts, except for what
    /// only a process of this machine can have: [`detach`](Builder::detach) and what stdin is hold
    /// as far as the runner hands over to a [`ProcessRunner`](crate::ProcessRunner). With limits
    /// or restrictions and a runner that does not, the start fails with
    /// `SECURITY_ISOLATION_FAILED`.
    /// Clones of this builder share the runner.
    pub fn runner(mut self, runner: impl Runner) -> Self {
        self.options.runner = Some(Arc::new(runner));
        self
    }
}

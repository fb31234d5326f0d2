use std::{ffi::OsString, pin::pin};

use rpcplugin::{Client, client::Builder};
use tokio::runtime::Runtime;

use super::{progress, signals::Signals, target::Target};
use crate::{
    failure::Failure,
    output::{Answer, Output},
};

/// A plugin that can be started, or reached.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(super) builder: Builder,
    pub(super) target: Target,
    /// Whether the work hears of Ctrl-C, and not what surrounds it.
    pub(super) leaves_ctrl_c: bool,
}

impl Plan {
    /// Leaves Ctrl-C to the work, once the plugin runs.
    pub(crate) fn leaving_ctrl_c(self) -> Self {
        Self { leaves_ctrl_c: true, ..self }
    }

    /// What a person calls the plugin.
    pub(crate) fn name(&self) -> String {
        match &self.target {
            Target::Program(program) => program.name(),
            Target::Attach(record) => format!("process {}", record.pid),
            Target::Connect(address) => address.to_string(),
        }
    }

    /// Starts the plugin, or joins the one that runs. Each call starts another one. Dropping the
    /// future ends what it started.
    pub(crate) async fn start(&self) -> Result<Client, Failure> {
        let builder = self.builder.clone();
        Ok(match &self.target {
            Target::Program(program) => builder.spawn(program.command()).await?,
            Target::Attach(record) => builder.attach(record.clone()).await?,
            Target::Connect(address) => builder.connect(address.clone()).await?,
        })
    }

    /// Whether the plugin is started, and does not run already.
    pub(crate) const fn starts_it(&self) -> bool {
        matches!(self.target, Target::Program(_))
    }

    /// The same of another program, without arguments.
    ///
    /// # Errors
    ///
    /// Wrong usage, if the plugin runs already.
    pub(crate) fn of_another(&self, program: OsString) -> Result<Self, Failure> {
        let Target::Program(one) = &self.target else {
            return Err(Failure::usage("the plugin is not started here", "name its program"));
        };
        let target = Target::Program(one.another(program));
        Ok(Self { builder: self.builder.clone(), target, leaves_ctrl_c: self.leaves_ctrl_c })
    }

    /// Starts the plugin, works with it, and ends it whatever comes of the work.
    ///
    /// A signal drops the work, and the plugin is asked to stop; a second one kills it.
    pub(crate) fn run(
        self,
        out: &Output,
        work: impl AsyncFnOnce(&Client) -> Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        let runtime = runtime()?;
        let leaves_ctrl_c = self.leaves_ctrl_c;
        let text = format!("starting {}", self.name());
        let mut start = Box::pin(progress(out, &text, self.start()));
        let outcome = runtime.block_on(async {
            let mut signals = Signals::new()?;
            let plugin = tokio::select! {
                biased;
                started = &mut start => started?,
                signal = signals.next() => return Err(Failure::Interrupted(signal)),
            };
            // It listens from before the start on, so that no signal falls between the two.
            if leaves_ctrl_c {
                signals.leave_ctrl_c();
            }
            let outcome = tokio::select! {
                biased;
                outcome = work(&plugin) => outcome,
                signal = signals.next() => Err(Failure::Interrupted(signal)),
            };
            end(&plugin, &mut signals).await;
            outcome
        });
        // A start that was cut short waits for the end of its process once no runtime is there.
        drop(runtime);
        drop(start);
        outcome
    }
}

async fn end(plugin: &Client, signals: &mut Signals) {
    let mut stopping = pin!(plugin.clone().shutdown());
    tokio::select! {
        biased;
        // What a plugin that has ended already died of is for the work to tell.
        _ = &mut stopping => {}
        _ = signals.next() => {
            plugin.kill().await;
        }
    }
}

/// What plugins are worked with in.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::system("start threads"))
}

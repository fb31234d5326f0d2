use std::{
    ffi::OsString,
    sync::{Arc, Mutex, PoisonError},
};

use clap::Args;

use crate::{
    failure::Failure,
    launch::Launch,
    output::{Answer, Output},
    words::{Line, listen},
};

mod found;
mod handshake;
mod show;

use self::found::Found;

/// Look into a plugin: start it as its host would, and tell what it is.
///
/// Its handshake line field by field, version, transport, TLS and certificate, services and
/// methods, health, the time of each phase of the start, memory and descriptors, how it stops, and
/// what it says on stderr meanwhile.
///
/// What services it has is asked of it by gRPC reflection, unless --descriptors or --proto tells
/// it.
#[derive(Args, Debug)]
#[command(override_usage = "rpcplugin inspect [OPTIONS] <PLUGIN>\n       \
                            rpcplugin inspect [OPTIONS] -- <PROGRAM> [ARGUMENTS]...")]
pub(crate) struct Inspect {
    /// The plugin's program; not with --attach, --connect or a program after --.
    plugin: Option<OsString>,
    #[command(flatten)]
    launch: Box<Launch>,
}

impl Inspect {
    pub(crate) fn run(self, out: &Output) -> Result<Answer, Failure> {
        /// Enough to see what is going on.
        const LINES: usize = 200;
        let Self { plugin, mut launch } = self;
        let (plugin, []) = launch.words([plugin])?;
        launch.set("PLUGIN_LOG_LEVEL", "TRACE");
        let plan = launch.plan(plugin)?;
        let said = Arc::new(Mutex::new((Vec::<Line>::new(), 0_usize)));
        let heard = said.clone();
        listen(move |line| {
            let (lines, left_out) = &mut *heard.lock().unwrap_or_else(PoisonError::into_inner);
            match lines.len() < LINES {
                true => lines.push(line),
                false => *left_out += 1,
            }
        });
        let name = plan.name();
        plan.run(out, async |plugin| {
            let found = Found::gather(name, plugin).await;
            let (lines, left_out) =
                std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner));
            let found = Found { lines, left_out, ..found };
            out.result(|| found.to_json(), |f| found.show(f)).await?;
            Ok(Answer::Yes)
        })
    }
}

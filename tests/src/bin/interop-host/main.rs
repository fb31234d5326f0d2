//! Our host, for plugins of other libraries: it starts the one given and checks it.
//!
//! Usage: `interop-host --kind probe|kv|negotiated|streaming|counter|notifier [--tls auto|plain]
//! [--network unix|tcp] [--skip CHECK,CHECK…] -- COMMAND [ARGUMENT…]`
//!
//! It prints each check as a line of JSON, as the hosts under `tests/peers` do, and exits with 1 if
//! one has failed.
#![expect(clippy::print_stdout, reason = "the checks are what this program prints")]

use std::process::ExitCode;

use anyhow::Result;
use rpcplugin::Tls;
use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};

mod arguments;
mod counter;
mod kv;
mod notifier;
mod probe;
mod recorder;
mod report;
mod session;
mod streamer;

use self::{
    arguments::{Arguments, Kind},
    recorder::Recorder,
    report::Report,
    session::Session,
};

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let recorder = Recorder::default();
    tracing_subscriber::registry().with(recorder.clone()).init();
    let mut report = Report::new(&arguments.skip);
    if let Some(session) = Session::start(&arguments, &mut report).await {
        session.check(&mut report).await;
        match arguments.kind {
            Kind::Probe => probe::check(&session, &recorder, &mut report).await,
            Kind::Kv => kv::check(&session, &mut report).await,
            Kind::Negotiated => {
                kv::check(&session, &mut report).await;
                kv::check_version(&session, &mut report).await;
            }
            Kind::Streaming => streamer::check(&session, &mut report).await,
            Kind::Counter => counter::check(&session, &mut report).await,
            Kind::Notifier => notifier::check(&session, &recorder, &mut report).await,
        }
        session.end(&mut report).await;
        if arguments.kind == Kind::Negotiated {
            session::check_netrpc(&arguments, &mut report).await;
        }
        if arguments.tls == Tls::Auto && arguments.skips("mutual") {
            session::check_strict(&arguments, &mut report).await;
        }
    }
    Ok(report.exit_code())
}

//! Where all side channels share the main connection: one yamux session, and no listener of their
//! own.
//!
//! Streams carry no number, so order is all there is. Who dials first knocks on the broker's
//! stream; the answer says that the next stream is taken as meant for that number. Hence a *turn*
//! for each direction: it is held from a knock to the moment at which the stream's first frame is
//! on the wire.
//!
//! - `syn.rs` notices that moment; `driver.rs` is the task that owns the session; `counted.rs`
//!   bounds how many streams it has.
//! - `router.rs` is the accepting end's book: which stream is meant for whom.
//! - `answers.rs` is the dialling end's book: which knock an answer belongs to.
//! - `knock.rs` is one knock, which does not end because its caller went away.
//! - `main_listener.rs` finds the host among those who connect to a plugin.

mod answers;
mod connector;
mod counted;
mod driver;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod held;
mod knock;
mod listener;
mod main_listener;
mod multiplexer;
mod router;
mod syn;

pub(crate) use self::{
    answers::{Answers, Verdict},
    connector::KnockConnector,
    held::HeldKnocks,
    listener::SideListener,
};
pub use self::{connector::MainConnector, main_listener::MainListener, multiplexer::Multiplexer};

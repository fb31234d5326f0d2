//! A plugin's standard output and error, read for its whole life.
//!
//! **Invariant:** nothing that a plugin writes blocks the plugin or grows the host beyond fixed
//! bounds, and nothing slow on the host's side (a log, a sink) holds up the reading. Reading ends
//! when the pipe does, or when the process has ended and the pipe is empty, whoever else holds it
//! open.

mod courier;
mod drain;
mod line_reader;
mod pieces;
mod pipe;
mod rate;
mod stderr;
mod tail;
#[cfg(test)]
#[cfg(unix)]
mod tests;

pub(crate) use self::{
    drain::drain_stdout,
    line_reader::{Line, LineReader},
    pipe::{Pipe, ProcessPipe},
    rate::{Lost, Rate},
    stderr::{StderrOptions, relay_stderr},
    tail::Tail,
};

//! What happens to whoever connects.

use std::{io::Read as _, str::FromStr};

use crate::{grpc, listen::Listener, text::unescape, tls};

/// How connections are treated.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// `silent`: accepts and never answers.
    Silent,
    /// `close`: accepts and closes.
    Close,
    /// `bytes:TEXT`: accepts and sends these bytes, then stays silent.
    Bytes(Vec<u8>),
    /// `grpc`, `bare`, `deaf` and the same with `-tls`: answers calls. `bare` has no service at
    /// all, `deaf` acknowledges Shutdown and goes on. `other-tls` shows another certificate than
    /// the line announces, `copied-tls` that one without its key. `announce:SCRIPT` has a broker
    /// that announces what the [`Script`] says, with `{address}` filled in; `deaf-broker:GATE` has
    /// one that reads nothing, and ends its stream when something is written to that named pipe.
    /// The manners of [`Evil`] are good to the framework and evil to the probe's callers.
    ///
    /// [`Evil`]: crate::replies::Evil
    /// [`Script`]: crate::announce::Script
    Grpc { service: grpc::Service, tls: Option<tls::Show> },
}

impl Manner {
    pub(crate) fn tls(&self) -> Option<tls::Show> {
        match self {
            Self::Grpc { tls, .. } => *tls,
            _ => None,
        }
    }
}

impl FromStr for Manner {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, tls) = match text.strip_suffix("-tls") {
            Some("other") => ("grpc", Some(tls::Show::Another)),
            Some("copied") => ("grpc", Some(tls::Show::Copied)),
            Some(name) => (name, Some(tls::Show::Announced)),
            None => (text, None),
        };
        let service = match name {
            "grpc" => grpc::Service::Orderly,
            "bare" => grpc::Service::Bare,
            "deaf" => grpc::Service::Deaf,
            "silent" => return Ok(Self::Silent),
            "close" => return Ok(Self::Close),
            other => match other.strip_prefix("bytes:") {
                Some(bytes) => return Ok(Self::Bytes(unescape(bytes)?)),
                None => match other.split_once(':') {
                    Some(("announce", script)) => grpc::Service::Announcing(script.parse()?),
                    // It is there until the process ends.
                    Some(("deaf-broker", gate)) => {
                        grpc::Service::DeafBroker(gate.to_owned().leak())
                    }
                    _ => grpc::Service::Evil(other.parse()?),
                },
            },
        };
        Ok(Self::Grpc { service, tls })
    }
}

/// Treats every connection, until the process ends.
pub(crate) fn run(listener: Listener, manner: Manner, tls: Option<tls::Acceptor>) {
    match manner {
        Manner::Grpc { service, .. } => grpc::run(listener, service, tls),
        raw => loop {
            let Ok(mut stream) = listener.accept() else { return };
            let bytes = match &raw {
                Manner::Close => continue,
                Manner::Bytes(bytes) => bytes.clone(),
                Manner::Silent | Manner::Grpc { .. } => Vec::new(),
            };
            std::thread::spawn(move || {
                // The peer may have gone; that is its right.
                let _ = stream.write_all(&bytes);
                while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
            });
        },
    }
}

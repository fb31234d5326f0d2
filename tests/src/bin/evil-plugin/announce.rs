//! A broker's stream on which everything is announced that was asked for, whatever listens there.

use std::{convert::Infallible, str::FromStr};

use anyhow::{Context as _, bail};
use hyper::body::{Bytes, Frame};
use prost::Message as _;
use rpcplugin_proto::plugin::{ConnInfo, conn_info::Knock};
use tokio_stream::{Stream, StreamExt as _};

use crate::replies;

/// What is announced, in this order: `ID=NETWORK=ADDRESS`, `knock=ID`, or `flood=COUNT` for as many
/// numbers at a port where nobody listens; with `;` between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script(&'static [Step]);

#[derive(Debug)]
enum Step {
    One(ConnInfo),
    Flood(u32),
}

impl Script {
    /// All of it, and then nothing more for as long as the stream is open.
    pub(crate) fn frames(
        self,
    ) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync {
        let messages = self.0.iter().flat_map(Step::messages);
        let frames = messages.map(|message| Ok(Frame::data(replies::framed(&message))));
        tokio_stream::iter(frames).chain(tokio_stream::pending())
    }
}

impl Step {
    fn messages(&self) -> Box<dyn Iterator<Item = Vec<u8>> + Send + Sync + '_> {
        match self {
            Self::One(message) => Box::new(std::iter::once(message.encode_to_vec())),
            Self::Flood(count) => {
                Box::new((1..=*count).map(|id| info(id, "tcp", NOWHERE).encode_to_vec()))
            }
        }
    }
}

impl FromStr for Script {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let steps = text.split(';').map(step).collect::<anyhow::Result<Vec<_>>>()?;
        // It is there until the process ends.
        Ok(Self(steps.leak()))
    }
}

fn step(text: &str) -> anyhow::Result<Step> {
    let words: Vec<_> = text.splitn(3, '=').collect();
    Ok(match words[..] {
        ["flood", count] => Step::Flood(count.parse()?),
        ["knock", id] => {
            let knock = Some(Knock { knock: true, ack: false, error: String::new() });
            let id = id.parse().context("a knock needs a number")?;
            Step::One(ConnInfo { service_id: id, knock, ..ConnInfo::default() })
        }
        [id, network, address] => Step::One(info(id.parse()?, network, address)),
        _ => bail!("no announcement: {text:?}"),
    })
}

fn info(id: u32, network: &str, address: &str) -> ConnInfo {
    let (network, address) = (network.to_owned(), address.to_owned());
    ConnInfo { service_id: id, network, address, knock: None }
}

/// A port that no plugin binds.
const NOWHERE: &str = "127.0.0.1:1";

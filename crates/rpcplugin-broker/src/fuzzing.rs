//! What `fuzz/` runs on this crate; `docs/decisions.md` says why it stands here.
//!
//! Each function takes any bytes, and panics if a promise does not hold for them.

use rpcplugin_core::ProtocolError;
use rpcplugin_proto::plugin::{ConnInfo, conn_info::Knock};

pub use crate::mux::fuzzing::mux;
use crate::{
    message,
    offers::{Found, Interest, Offers},
};

/// What a peer announces on the broker's stream, while this side dials and gives up.
///
/// The bytes are a script. Each step takes one byte: two bits choose what happens, four the
/// number that it happens to. A message takes three more: length of the text, and its kind.
pub fn broker(script: &[u8]) {
    let mut script = script;
    let offers = Offers::new(MOST);
    let mut held: Vec<(u32, Interest)> = Vec::new();
    while let Some((step, rest)) = script.split_first() {
        script = rest;
        let id = u32::from(*step & 0xf);
        match *step >> 6 {
            0 => held.push((id, offers.interest(id))),
            1 => held.retain(|(held, _)| *held != id),
            2 => held.iter().filter(|(held, _)| *held == id).for_each(|(_, interest)| {
                interest.used();
            }),
            _ => {
                let (message, rest) = conn_info(id, script);
                script = rest;
                let wanted = held.iter().any(|(held, _)| *held == id);
                let full = offers.unclaimed() >= MOST;
                announce(&offers, &message, wanted, full);
            }
        }
        assert!(offers.unclaimed() <= MOST);
        for (id, interest) in &held {
            match interest.look() {
                Ok(Found::Offered(_) | Found::Nothing(_)) => {}
                Err(error) => {
                    let expected = ProtocolError::BrokerLimit { id: *id, limit: MOST };
                    assert_eq!(error.to_string(), expected.to_string());
                }
            }
        }
    }
    drop(held);
    assert!(offers.unclaimed() <= MOST);
}

/// Few, so that a short script reaches the bound.
const MOST: usize = 3;

fn announce(offers: &Offers, message: &ConnInfo, wanted: bool, full: bool) {
    let before = offers.unclaimed();
    let taken = message::read(message).and_then(|announcement| offers.announce(announcement));
    let after = offers.unclaimed();
    match taken {
        Ok(()) => assert_eq!(after, before + usize::from(!wanted)),
        Err(error) => {
            assert_eq!(after, before, "a message that is refused changes nothing");
            let text = error.to_string();
            assert!(!text.contains(char::is_control) && text.len() < 4096, "{text:?}");
            match error.code() {
                "PROTOCOL_BROKER_LIMIT" => assert!(full && !wanted),
                "PROTOCOL_BROKER_DUPLICATE" | "PROTOCOL_BROKER_MESSAGE" => {}
                other => panic!("{other} is no answer to a message"),
            }
        }
    }
}

/// The next message of a script, and what follows it.
fn conn_info(service_id: u32, script: &[u8]) -> (ConnInfo, &[u8]) {
    let (kind, script) = script.split_first().map_or((0, script), |(kind, rest)| (*kind, rest));
    let (length, script) = script.split_first().map_or((0, script), |(n, rest)| (*n, rest));
    let (text, script) = script.split_at(script.len().min(usize::from(length)));
    let text = String::from_utf8_lossy(text).into_owned();
    let (network, address) = match kind & 7 {
        0 => ("unix".to_owned(), format!("/{text}")),
        1 => ("tcp".to_owned(), format!("127.0.0.1:{text}")),
        2 => ("unix".to_owned(), text),
        3 => ("tcp".to_owned(), text),
        4 => (text, "/sockets/1".to_owned()),
        _ => (String::new(), text),
    };
    let knock = (kind & 8 != 0).then(|| Knock { knock: true, ..Knock::default() });
    (ConnInfo { service_id, network, address, knock }, script)
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::{replay::replay, *};

    #[test]
    fn scripts_that_were_found_hold() {
        replay("broker", broker);
    }

    #[test]
    fn multiplexed_scripts_that_were_found_hold() {
        replay("mux", mux);
    }
}

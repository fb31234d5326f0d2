//! What the messages on the broker's stream mean.

use rpcplugin_core::{Address, HandshakeError, ProtocolError, TransportError, escape_text};
use rpcplugin_proto::plugin::{ConnInfo, conn_info::Knock};

use crate::ServiceId;

/// Longest message of the broker, in bytes: many times what an address needs.
pub(crate) const LONGEST: usize = 64 * 1024;

/// A side channel that the peer serves, and where.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Announcement {
    pub(crate) id: u32,
    pub(crate) address: Address,
}

/// Reads a message where each side channel has a listener of its own.
///
/// # Errors
///
/// `PROTOCOL_BROKER_MESSAGE` for anything but an announcement.
pub(crate) fn read(message: &ConnInfo) -> Result<Announcement, ProtocolError> {
    let ConnInfo { service_id: id, network, address, knock } = message;
    if knock.is_some() {
        return Err(refuse(message, "it knocks, and nothing is multiplexed here"));
    }
    match Address::parse(network, address) {
        Ok(address) => Ok(Announcement { id: *id, address }),
        Err(HandshakeError::Address { reason, .. }) => Err(refuse(message, reason)),
        Err(_) => Err(refuse(message, "it has no address")),
    }
}

/// The announcement of a listener.
///
/// # Errors
///
/// `TRANSPORT_INVALID_ENDPOINT` if the address cannot stand in a message.
pub(crate) fn announce(id: ServiceId, address: &Address) -> Result<ConnInfo, TransportError> {
    let text = match address {
        Address::Unix(path) => path.to_str().map(str::to_owned),
        other => Some(other.to_string()),
    };
    let text = text.ok_or_else(|| TransportError::InvalidEndpoint {
        address: escape_text(&address.to_string()),
        reason: "the path is not UTF-8, and a message holds nothing else",
    })?;
    let network = address.network().as_str().to_owned();
    Ok(ConnInfo { service_id: id.get(), network, address: text, knock: None })
}

/// What a message means where side channels are multiplexed.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Multiplexed {
    /// The peer wants to open a stream for this number.
    Knock(u32),
    /// The peer's answer to a knock: come in, or its reason not to.
    Answer(u32, Result<(), String>),
}

/// Reads a message where side channels are multiplexed.
///
/// # Errors
///
/// `PROTOCOL_BROKER_MESSAGE` for an announcement: nobody has a listener of its own here.
pub(crate) fn read_multiplexed(message: &ConnInfo) -> Result<Multiplexed, ProtocolError> {
    let id = message.service_id;
    match &message.knock {
        None => Err(refuse(message, "it does not knock, and everything is multiplexed here")),
        Some(Knock { knock: true, ack: false, .. }) => Ok(Multiplexed::Knock(id)),
        Some(Knock { knock: true, ack: true, error }) if error.is_empty() => {
            Ok(Multiplexed::Answer(id, Ok(())))
        }
        Some(Knock { error, .. }) if !error.is_empty() => {
            Ok(Multiplexed::Answer(id, Err(shown(error))))
        }
        // Some peers send back what they get, half understood.
        Some(_) => Ok(Multiplexed::Answer(id, Err("the answer is no welcome".to_owned()))),
    }
}

/// Asks to be let in.
pub(crate) fn knock(id: ServiceId) -> ConnInfo {
    knocking(id.get(), Knock { knock: true, ack: false, error: String::new() })
}

/// Lets the peer in.
pub(crate) fn welcome(id: u32) -> ConnInfo {
    knocking(id, Knock { knock: true, ack: true, error: String::new() })
}

/// Refuses a knock.
pub(crate) fn refusal(id: u32, reason: &str) -> ConnInfo {
    knocking(id, Knock { knock: true, ack: true, error: reason.to_owned() })
}

fn knocking(id: u32, knock: Knock) -> ConnInfo {
    ConnInfo { service_id: id, knock: Some(knock), ..ConnInfo::default() }
}

/// The error of a message that means nothing.
pub(crate) fn refuse(message: &ConnInfo, reason: &str) -> ProtocolError {
    let ConnInfo { service_id, network, address, .. } = message;
    let (network, address) = (shown(network), shown(address));
    ProtocolError::BrokerMessage {
        detail: format!("id {service_id}, network \"{network}\", address \"{address}\": {reason}"),
    }
}

/// As much of a peer's text as a log should hold.
fn shown(text: &str) -> String {
    const MOST: usize = 120;
    escape_text(&text.chars().take(MOST).collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(id: u32, network: &str, address: &str) -> ConnInfo {
        ConnInfo { service_id: id, network: network.into(), address: address.into(), knock: None }
    }

    #[track_caller]
    fn refused(message: &ConnInfo, expected: &str) {
        let error = read(message).unwrap_err();
        assert_eq!(error.code(), "PROTOCOL_BROKER_MESSAGE");
        assert_eq!(error.to_string(), format!("unreadable broker message: {expected}"));
    }

    #[test]
    fn what_is_announced_is_read() {
        for (network, address) in [("unix", "/tmp/s"), ("tcp", "127.0.0.1:80"), ("tcp", "[::1]:1")]
        {
            let address = Address::parse(network, address).unwrap();
            let sent = announce(4.into(), &address).unwrap();
            assert_eq!(read(&sent).unwrap(), Announcement { id: 4, address });
        }
    }

    #[test]
    fn any_number_is_accepted() {
        for id in [0, 1, u32::MAX] {
            assert_eq!(read(&message(id, "unix", "/s")).unwrap().id, id);
        }
    }

    #[test]
    fn other_messages_are_refused_with_their_fields() {
        refused(
            &message(0, "", ""),
            r#"id 0, network "", address "": the network is neither unix nor tcp"#,
        );
        refused(
            &message(3, "quic\u{1b}", "/s"),
            r#"id 3, network "quic\x1b", address "/s": the network is neither unix nor tcp"#,
        );
        refused(
            &message(3, "unix", "@abstract"),
            r#"id 3, network "unix", address "@abstract": the path is not absolute"#,
        );
        let knock = Knock { knock: true, ack: false, error: String::new() };
        refused(
            &ConnInfo { knock: Some(knock), ..Default::default() },
            r#"id 0, network "", address "": it knocks, and nothing is multiplexed here"#,
        );
    }

    #[test]
    fn what_is_sent_over_a_multiplexed_connection_is_read() {
        let read = |message| read_multiplexed(&message).unwrap();
        assert_eq!(read(knock(4.into())), Multiplexed::Knock(4));
        assert_eq!(read(welcome(4)), Multiplexed::Answer(4, Ok(())));
        assert_eq!(read(refusal(4, "no")), Multiplexed::Answer(4, Err("no".to_owned())));
    }

    #[test]
    fn an_announcement_is_refused_where_everything_is_multiplexed() {
        let error = read_multiplexed(&message(4, "unix", "/s")).unwrap_err();
        assert_eq!(error.code(), "PROTOCOL_BROKER_MESSAGE");
    }

    #[test]
    fn a_long_message_makes_no_long_error() {
        let error = read(&message(1, &"x".repeat(60_000), &"y".repeat(60_000))).unwrap_err();
        assert!(error.to_string().len() < 500);
    }

    proptest! {
        #[test]
        fn no_message_is_more_than_an_announcement_or_an_error(
            id: u32,
            network in prop_oneof![Just("unix".to_owned()), Just("tcp".to_owned()), any::<String>()],
            address in prop_oneof!["/.{0,120}", "127.0.0.1:[0-9]{0,6}", any::<String>()],
            knock: Option<(bool, bool, String)>,
        ) {
            let knocks = knock.is_some();
            let knock = knock.map(|(knock, ack, error)| Knock { knock, ack, error });
            let message = ConnInfo { service_id: id, network, address, knock };
            match read_multiplexed(&message) {
                Ok(Multiplexed::Knock(read) | Multiplexed::Answer(read, _)) => {
                    prop_assert!(read == id && knocks);
                }
                Err(error) => {
                    prop_assert!(!knocks);
                    prop_assert_eq!(error.code(), "PROTOCOL_BROKER_MESSAGE");
                }
            }
            match read(&message) {
                Ok(read) => prop_assert!(read.id == id && !knocks),
                Err(error) => prop_assert_eq!(error.code(), "PROTOCOL_BROKER_MESSAGE"),
            }
        }
    }
}

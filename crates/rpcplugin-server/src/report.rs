//! The one line on stderr with which a plugin explains that it did not start.
//!
//! Its form is a contract with the host, which shows code and sentence as the cause of its own
//! error: `error[CODE]: message (hint: what to do)`, one line, no secrets.

use std::{error::Error as _, io::Write as _, iter};

use rpcplugin_core::{Error, escape_text};

/// Writes the line. A closed stderr is no reason to fail in another way.
pub(crate) fn failure(error: &Error) {
    let _ = writeln!(std::io::stderr().lock(), "{}", line(error));
}

fn line(error: &Error) -> String {
    let mut message = error.to_string();
    for cause in iter::successors(error.source(), |cause| (*cause).source()) {
        message.push_str(": ");
        message.push_str(&cause.to_string());
    }
    let line = format!("error[{}]: {message} (hint: {})", error.code(), error.hint());
    escape_text(&line)
}

#[cfg(test)]
mod tests {
    use rpcplugin_core::{ConfigError, HandshakeError};

    use super::*;

    #[test]
    fn the_line_has_code_message_causes_and_hint() {
        let error = ConfigError::SocketDir {
            path: "/no\nwhere".into(),
            reason: "it cannot be opened",
            source: Some(std::io::Error::other("no such file")),
        };
        assert_eq!(
            line(&error.into()),
            "error[CONFIG_SOCKET_DIR]: socket directory /no\\nwhere cannot be used: it cannot be \
             opened: no such file (hint: it must be an existing directory of this user, \
             writable, and at most 80 bytes long, or 61 where a private one is made in it)"
        );
    }

    #[test]
    fn started_by_hand_it_is_a_sentence_for_people() {
        let error = HandshakeError::NotLaunched { key: "KV".into(), present: false };
        assert_eq!(
            line(&error.into()),
            "error[HANDSHAKE_NOT_LAUNCHED]: this program is a plugin and was not started by its \
             host: KV is not set (hint: start it through its host; host and plugin must share one magic cookie)"
        );
        let error = HandshakeError::NotLaunched { key: "KV".into(), present: true };
        assert!(line(&error.into()).contains("started by its host: KV has another value (hint: "));
    }
}

use tracing::Level;

use super::{Entry, PanicState, hclog, panics, parse};

/// Of a plugin's last lines, the one that tells why it ended: an error code of ours, else the
/// beginning of a panic, else the last with any text. `lines` come newest first.
pub(crate) fn reason<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<String> {
    let mut panic = None;
    let mut last = None;
    // The message of the line below.
    let mut below = String::new();
    for line in lines {
        let Entry { message, level, .. } = parse(line, &mut PanicState::default());
        if let Some(code) = code_field(line) {
            let told = message.contains(&code);
            return Some(if told { message } else { format!("{code}: {message}") });
        }
        if holds_code(&message) {
            return Some(message);
        }
        if panic.is_none() && level == Level::ERROR && panics::begins_panic(line) {
            // Rust tells where in one line and why in the next.
            let split = message.starts_with("thread '") && message.ends_with(':');
            let told = split && !below.is_empty();
            panic = Some(if told { format!("{message} {below}") } else { message.clone() });
        } else if last.is_none() && !message.trim().is_empty() {
            last = Some(message.clone());
        }
        below = message;
    }
    panic.or(last)
}

/// The field `code` of a JSON line, if it is an error code.
fn code_field(line: &[u8]) -> Option<String> {
    let object = hclog::object(line)?;
    object.get("code")?.as_str().filter(|code| is_code(code)).map(str::to_owned)
}

fn holds_code(message: &str) -> bool {
    message.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(is_code)
}

/// Whether a word is a code as `docs/reference/errors.md` lists them.
fn is_code(word: &str) -> bool {
    const KINDS: &[&str] = &["CONFIG_", "HANDSHAKE_", "PROTOCOL_", "TRANSPORT_", "SECURITY_"];
    KINDS.iter().filter_map(|kind| word.strip_prefix(kind)).any(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    })
}

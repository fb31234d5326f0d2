use rpcplugin_core::limits;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tracing::Level;

/// Everything of one line but its length.
pub(super) struct Entry<'a> {
    pub(super) level: Level,
    pub(super) target: &'a str,
    pub(super) time: OffsetDateTime,
    pub(super) message: String,
    pub(super) fields: Map<String, Value>,
}

/// Text longer than this is cut where a line is too long: a field's, and at worst the message's.
const CUT_FIELD: usize = 512;
/// JSON writes a byte as six at worst, and the fixed keys need little.
const CUT_MESSAGE: usize = (limits::LOG_LINE - 1024) / 6;

impl Entry<'_> {
    /// The line with its newline, at most [`limits::LOG_LINE`] bytes.
    pub(super) fn into_line(mut self) -> Vec<u8> {
        let line = self.render();
        if line.len() <= limits::LOG_LINE {
            return line;
        }
        for value in self.fields.values_mut() {
            if let Value::String(text) = value {
                cut(text, CUT_FIELD);
            }
        }
        let line = self.render();
        if line.len() <= limits::LOG_LINE {
            return line;
        }
        self.fields.clear();
        cut(&mut self.message, CUT_MESSAGE);
        self.render()
    }

    fn render(&self) -> Vec<u8> {
        let mut object = Map::with_capacity(self.fields.len() + 4);
        object.insert("@level".to_owned(), level(self.level).into());
        object.insert("@message".to_owned(), self.message.as_str().into());
        // A target is a module path, but may be anything.
        let mut target = self.target.to_owned();
        cut(&mut target, CUT_FIELD / 8);
        object.insert("@module".to_owned(), target.into());
        object.insert("@timestamp".to_owned(), timestamp(self.time).into());
        object.extend(self.fields.clone());
        let mut line = Value::Object(object).to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// Exactly six fraction digits: with any other number Go hosts show the whole line as text.
fn timestamp(time: OffsetDateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.microsecond()
    )
}

/// Cuts a text at a character's end and says so.
fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let total = text.len();
        let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        text.truncate(end);
        text.push_str(&format!("… [cut, {total} bytes]"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(message: &str) -> Entry<'_> {
        Entry {
            level: Level::WARN,
            target: "kv::store",
            time: OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_000_004_999).unwrap(),
            message: message.to_owned(),
            fields: Map::new(),
        }
    }

    #[test]
    fn a_line_is_what_go_hosts_read() {
        let mut entry = entry("disk \"full\"");
        entry.fields.insert("free".to_owned(), 0.into());
        assert_eq!(
            String::from_utf8(entry.into_line()).unwrap(),
            concat!(
                r#"{"@level":"warn","@message":"disk \"full\"","@module":"kv::store","#,
                r#""@timestamp":"2023-11-14T22:13:20.000004Z","free":0}"#,
                "\n"
            )
        );
    }

    #[test]
    fn no_line_is_longer_than_64_kib() {
        for message in ["x".repeat(200_000), "\u{1}".repeat(200_000), "é\"".repeat(60_000)] {
            let mut entry = entry(&message);
            for n in 0..100 {
                entry.fields.insert(format!("f{n}"), message.as_str().into());
            }
            let line = entry.into_line();
            assert!(line.len() <= limits::LOG_LINE, "{}", line.len());
            let value: Value = serde_json::from_slice(&line).unwrap();
            assert!(value["@message"].as_str().unwrap().ends_with(" bytes]"));
        }
    }

    #[test]
    fn a_long_field_is_cut_before_the_message() {
        let mut entry = entry("short");
        entry.fields.insert("dump".to_owned(), "y".repeat(100_000).into());
        let value: Value = serde_json::from_slice(&entry.into_line()).unwrap();
        assert_eq!(value["@message"], "short");
        assert!(value["dump"].as_str().unwrap().ends_with("… [cut, 100000 bytes]"));
    }
}

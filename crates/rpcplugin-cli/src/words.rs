//! What a plugin says: the lines of its log, of what it prints, and of this host about it.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use tracing::{Event, Level, Metadata, Subscriber, field::Field};
use tracing_subscriber::{
    Layer,
    filter::filter_fn,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::output::{BAD, FAINT, GOOD, STRONG, WARNING};

/// One line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// `log`: the plugin's log, which comes over its stderr. `stdout` and `stderr`: what it prints
    /// after the handshake. `host`: a warning of this host.
    stream: &'static str,
    pub(crate) level: Option<Level>,
    message: String,
    module: Option<String>,
    caller: Option<String>,
    time: Option<String>,
    fields: Map<String, Value>,
}

impl Line {
    /// One of what a plugin prints.
    pub(crate) fn printed(stream: &'static str, bytes: &[u8]) -> Self {
        let message = match std::str::from_utf8(bytes) {
            Ok(text) => rpcplugin::core::escape_text(text),
            Err(_) => rpcplugin::core::escape(bytes),
        };
        Self { stream, message, ..Self::default() }
    }

    /// That lines are not shown.
    pub(crate) fn missed(count: u64) -> Self {
        let message = format!("{count} lines were left out: they came faster than they are read");
        Self { stream: "host", level: Some(Level::WARN), message, ..Self::default() }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "stream": self.stream,
            "level": self.level.map(|level| level.as_str()),
            "message": self.message,
            "module": self.module,
            "caller": self.caller,
            "time": self.time,
            "fields": self.fields,
        })
    }

    pub(crate) fn show(&self, f: &mut dyn Write) -> io::Result<()> {
        if let Some(time) = &self.time {
            write!(f, "{FAINT}{time}{FAINT:#} ")?;
        }
        match (self.stream, self.level) {
            ("host", Some(level)) => write!(f, "{0}host {level}{0:#} ", style(level))?,
            (_, Some(level)) => write!(f, "{0}{level:<6}{0:#} ", style(level))?,
            (stream, None) => write!(f, "{FAINT}{stream}{FAINT:#} ")?,
        }
        if let Some(module) = &self.module {
            write!(f, "{STRONG}{module}{STRONG:#}: ")?;
        }
        // Old programs write the level themselves.
        let tag = self.level.map(|level| format!("[{level}] ")).unwrap_or_default();
        write!(f, "{}", self.message.strip_prefix(&tag).unwrap_or(&self.message))?;
        for (name, value) in &self.fields {
            let name = rpcplugin::core::escape_text(name);
            match value {
                Value::String(text) if is_a_word(text) => {
                    write!(f, " {FAINT}{name}={FAINT:#}{text}")?;
                }
                other => write!(f, " {FAINT}{name}={FAINT:#}{other}")?,
            }
        }
        writeln!(f)
    }
}

/// Whether it is seen where it ends.
fn is_a_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
}

const fn style(level: Level) -> anstyle::Style {
    match level {
        Level::ERROR => BAD,
        Level::WARN => WARNING,
        Level::INFO => GOOD,
        Level::DEBUG | Level::TRACE => FAINT,
    }
}

/// The target of events that a plugin caused.
const PLUGIN: &str = "rpcplugin::plugin";

/// Gives every line of the plugin's log to `sink` from here on, and the host's warnings. Only the
/// first call of a process has an effect.
pub(crate) fn listen(sink: impl Fn(Line) + Send + Sync + 'static) {
    let wanted = |event: &Metadata<'_>| {
        event.is_event()
            && (event.target() == PLUGIN
                || event.target().starts_with("rpcplugin") && *event.level() <= Level::WARN)
    };
    let listener = Listener(sink).with_filter(filter_fn(wanted));
    // It fails if there is one.
    let _ = tracing_subscriber::registry().with(listener).try_init();
}

struct Listener<F>(F);

impl<S: Subscriber, F: Fn(Line) + 'static> Layer<S> for Listener<F> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let is_plugin = event.metadata().target() == PLUGIN;
        let mut line = Line {
            stream: if is_plugin { "log" } else { "host" },
            level: Some(*event.metadata().level()),
            ..Line::default()
        };
        event.record(&mut line);
        (self.0)(line);
    }
}

impl tracing::field::Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "plugin.module" => self.module = Some(value.to_owned()),
            "plugin.caller" => self.caller = Some(value.to_owned()),
            "plugin.timestamp" => self.time = Some(value.to_owned()),
            "plugin.fields" => self.fields = serde_json::from_str(value).unwrap_or_default(),
            "plugin.name" => {}
            name => {
                self.fields.insert(name.to_owned(), value.into());
            }
        }
    }
}

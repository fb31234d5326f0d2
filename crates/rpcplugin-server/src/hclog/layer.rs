use std::fmt;

use time::OffsetDateTime;
use tracing::{Event, Subscriber, span};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{fields::Fields, line::Entry, sink};

/// Writes `tracing` events to stderr as hclog JSON, which go-plugin hosts parse with level, time
/// and fields.
///
/// [`Server::run`] installs it unless the program has installed a subscriber of its own. The
/// fields of the enclosing spans come with each event; an event's own win.
///
/// # Example
///
/// ```
/// use rpcplugin_server::HclogLayer;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let subscriber = tracing_subscriber::registry().with(HclogLayer::new());
/// tracing::subscriber::with_default(subscriber, || tracing::info!(keys = 3, "store opened"));
/// ```
///
/// [`Server::run`]: crate::Server::run
#[derive(Clone, Copy, Default)]
pub struct HclogLayer {
    write: Write,
}

#[derive(Clone, Copy)]
struct Write(fn(Vec<u8>));

impl HclogLayer {
    /// A layer that writes to descriptor 2.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Default for Write {
    fn default() -> Self {
        Self(sink::send)
    }
}

impl fmt::Debug for HclogLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HclogLayer").finish_non_exhaustive()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for HclogLayer {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, ctx: Context<'_, S>) {
        if let Some(span) = ctx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in ctx.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.values.extend(outer.values.clone());
            }
        }
        event.record(&mut fields);
        let entry = Entry {
            level: *event.metadata().level(),
            target: event.metadata().target(),
            time: OffsetDateTime::now_utc(),
            message: fields.message.unwrap_or_default(),
            fields: fields.values,
        };
        (self.write.0)(entry.into_line());
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    thread_local! {
        static LINES: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
    }

    fn logged(work: impl FnOnce()) -> Vec<Value> {
        let keep = |line: Vec<u8>| {
            let line = serde_json::from_slice(&line).unwrap();
            LINES.with_borrow_mut(|lines| lines.push(line));
        };
        let layer = HclogLayer { write: Write(keep) };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        LINES.take()
    }

    #[test]
    fn fields_keep_their_types_and_reserved_names_are_escaped() {
        let lines = logged(|| {
            tracing::error!(
                count = 3,
                ok = true,
                ratio = f64::NAN,
                timestamp = 5,
                "went {}",
                "wrong"
            );
        });
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!(line["@level"], "error");
        assert_eq!(line["@message"], "went wrong");
        assert_eq!((&line["count"], &line["ok"]), (&json!(3), &json!(true)));
        assert_eq!((&line["ratio"], &line["_timestamp"]), (&json!("NaN"), &json!(5)));
        assert!(line["timestamp"].is_null());
    }

    #[test]
    fn spans_lend_their_fields_and_the_events_own_win() {
        let lines = logged(|| {
            let _outer = tracing::info_span!("outer", host = "a", key = "outer").entered();
            let _inner = tracing::info_span!("inner", key = "inner").entered();
            tracing::info!("first");
            tracing::info!(key = "event");
        });
        assert_eq!((&lines[0]["host"], &lines[0]["key"]), (&json!("a"), &json!("inner")));
        assert_eq!((&lines[1]["@message"], &lines[1]["key"]), (&json!(""), &json!("event")));
    }
}

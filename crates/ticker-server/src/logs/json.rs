//! Events as JSON: an object a line, with the spans that they happened in.
//!
//! `tracing-subscriber` brings a format of this kind, which reads each span's fields back from their JSON
//! for every event: a third of what a press cost. Here a span's fields are written once, as members
//! of an object that is never read again.

use std::fmt;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes fields as members of an object: `"user":7,"note":"…"`.
pub(super) struct JsonMembers;

impl<'w> FormatFields<'w> for JsonMembers {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut members = Members::new(&mut writer, false);
        fields.record(&mut members);
        members.result
    }

    fn add_fields(
        &self,
        current: &'w mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        let is_more = !current.fields.is_empty();
        let mut writer = current.as_writer();
        let mut members = Members::new(&mut writer, is_more);
        fields.record(&mut members);
        members.result
    }
}

/// Writes an event as an object on a line of its own.
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        writer.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\",\"level\":\"{}\",", metadata.level())?;
        let mut members = Members::new(&mut writer, false);
        event.record(&mut members);
        members.member("target", metadata.target());
        members.result?;
        if let Some(scope) = context.event_scope() {
            writer.write_str(",\"spans\":[")?;
            for (place, span) in scope.from_root().enumerate() {
                if place > 0 {
                    writer.write_char(',')?;
                }
                writer.write_str("{")?;
                if let Some(fields) = span.extensions().get::<FormattedFields<N>>()
                    && !fields.is_empty()
                {
                    write!(writer, "{fields},")?;
                }
                write!(writer, "\"name\":\"{}\"}}", span.name())?;
            }
            writer.write_char(']')?;
        }
        writer.write_str("}\n")
    }
}

/// Writes members one after the other; the first failure is kept.
struct Members<'a, 'w> {
    writer: &'a mut Writer<'w>,
    is_more: bool,
    result: fmt::Result,
}

impl<'a, 'w> Members<'a, 'w> {
    fn new(writer: &'a mut Writer<'w>, is_more: bool) -> Self {
        Self {
            writer,
            is_more,
            result: Ok(()),
        }
    }

    fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        if self.result.is_ok() {
            self.result = self.write(name, value);
            self.is_more = true;
        }
    }

    fn write(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> fmt::Result {
        if self.is_more {
            self.writer.write_char(',')?;
        }
        // A field can be named with a keyword, such as `r#type`.
        let name = name.trim_start_matches("r#");
        let value = serde_json::to_string(value).map_err(|_| fmt::Error)?;
        write!(self.writer, "\"{name}\":{value}")
    }
}

impl Visit for Members<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field.name(), &value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::super::tests::Sink;
    use super::*;

    #[test]
    fn a_line_is_an_object_with_its_spans() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&written);
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonMembers)
            .event_format(JsonLine)
            .with_writer(move || Sink(Arc::clone(&sink)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let outer =
                tracing::info_span!("request", id = %"a\"b\n", user = tracing::field::Empty);
            outer.record("user", 7);
            let _outer = outer.enter();
            let _inner = tracing::info_span!("bare").entered();
            tracing::warn!(
                ratio = 0.5,
                done = true,
                r#type = "x",
                absent = None::<i64>,
                "said {}",
                1
            );
        });
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let mut line: Value = serde_json::from_str(&text).unwrap();
        let timestamp = line["timestamp"].take();
        assert!(timestamp.as_str().is_some_and(|text| text.ends_with('Z')));
        assert_eq!(
            line,
            json!({
                "timestamp": null, "level": "WARN", "message": "said 1", "ratio": 0.5, "done": true,
                "type": "x", "target": "ticker::logs::json::tests",
                "spans": [{"id": "a\"b\n", "user": 7, "name": "request"}, {"name": "bare"}],
            })
        );
    }
}

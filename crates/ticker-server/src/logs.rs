//! Logs: one line an event on stderr, in JSON or for reading, with the request id from its span.

mod json;

use std::fmt;
use std::io;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::json::{JsonLine, JsonMembers};

/// What is logged, and how.
#[derive(Clone, Debug)]
pub(crate) struct LogSettings {
    pub(crate) filter: LogFilter,
    pub(crate) format: LogFormat,
}

/// What is logged: a level, and levels for parts.
#[derive(Clone, Debug)]
pub(crate) struct LogFilter(Targets);

/// How an event is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// An object a line.
    Json,
    /// For reading.
    Text,
}

/// Why a filter is none. The message completes a sentence that begins with the variable's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be off, error, warn, info, debug or trace, or these by part, such as info,ticker_app=debug"
)]
pub(crate) struct BadLogFilter;

/// Why a format is none. The message completes a sentence that begins with the variable's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be json or text")]
pub(crate) struct BadLogFormat;

impl FromStr for LogFilter {
    type Err = BadLogFilter;

    fn from_str(text: &str) -> Result<Self, BadLogFilter> {
        // `Targets` would take a mistyped level for the name of a part, and log nothing.
        let is_directive = |directive: &str| match directive.split_once('=') {
            Some((part, level)) => is_part(part) && is_level(level),
            None => is_level(directive),
        };
        if !text.split(',').all(is_directive) {
            return Err(BadLogFilter);
        }
        let targets: Targets = text.parse().map_err(|_| BadLogFilter)?;
        let is_louder = |level: LevelFilter| targets.default_level().is_some_and(|all| all > level);
        let unheard: Vec<_> = UNHEARD
            .into_iter()
            .filter(|(part, level)| !text.contains(part) && is_louder(*level))
            .collect();
        Ok(Self(targets.with_targets(unheard)))
    }
}

/// Parts that say what is said elsewhere, or what nobody needs, unless the filter names them:
/// `PostgreSQL`'s remarks that something is there already, and failures of the session store, which are
/// logged with their request.
const UNHEARD: [(&str, LevelFilter); 2] = [
    ("sqlx::postgres::notice", LevelFilter::WARN),
    ("tower_sessions", LevelFilter::OFF),
];

fn is_level(text: &str) -> bool {
    ["off", "error", "warn", "info", "debug", "trace"].contains(&text.to_ascii_lowercase().as_str())
}

/// Whether this can be a path of modules.
fn is_part(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

impl FromStr for LogFormat {
    type Err = BadLogFormat;

    fn from_str(text: &str) -> Result<Self, BadLogFormat> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(BadLogFormat),
        }
    }
}

/// Begins to log, panics too. Once in the life of a process.
pub(crate) fn init(settings: LogSettings) {
    let json = (settings.format == LogFormat::Json).then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .fmt_fields(JsonMembers)
            .event_format(JsonLine)
    });
    let text = (settings.format == LogFormat::Text).then(|| {
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(false);
        layer.event_format(OneLine(tracing_subscriber::fmt::format()))
    });
    tracing_subscriber::registry()
        .with(settings.filter.0)
        .with(json)
        .with(text)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let message = panic
            .payload_as_str()
            .unwrap_or("a panic without a message");
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        tracing::error!(place, thread, "panicked: {message}");
    }));
}

/// Keeps an event on one line whatever stands in it, so that nobody who gets a line break into a field
/// can write a line of their own.
struct OneLine<F>(F);

impl<S, N> FormatEvent<S, N> for OneLine<Format>
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
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        write_on_one_line(&mut writer, line.strip_suffix('\n').unwrap_or(&line))?;
        writer.write_char('\n')
    }
}

/// Writes what a terminal or a reader of lines could take for a command as an escape of Rust.
fn write_on_one_line(writer: &mut impl fmt::Write, text: &str) -> fmt::Result {
    for c in text.chars() {
        let is_hidden = c.is_control()
            || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200E}' | '\u{200F}');
        if is_hidden {
            write!(writer, "{}", c.escape_default())?;
        } else {
            writer.write_char(c)?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn mistyped_levels_are_refused() {
        for good in [
            "info",
            "off",
            "WARN",
            "info,ticker_app=debug,sqlx::query=off",
        ] {
            assert!(good.parse::<LogFilter>().is_ok(), "{good}");
        }
        for bad in [
            "inof",
            "info,",
            "ticker_app=loud",
            "=info",
            "info ticker_app",
            "[span]=info",
            "a b=info",
        ] {
            assert_eq!(bad.parse::<LogFilter>().err(), Some(BadLogFilter), "{bad}");
        }
    }

    #[test]
    fn a_line_break_in_a_field_forges_no_line() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&written);
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .event_format(OneLine(tracing_subscriber::fmt::format()))
            .with_writer(move || Sink(Arc::clone(&sink)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let name = "ana\r\n2026-11-20T00:00:00Z ERROR forged\u{1b}[2J\u{202e}";
            let span = tracing::info_span!("request", request_id = %name);
            span.in_scope(|| tracing::info!(%name, "signed in as {name}"));
        });
        let text = String::from_utf8(written.lock().expect("no panic").clone()).expect("UTF-8");
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.trim_end().chars().all(|c| !c.is_control()), "{text:?}");
        assert_eq!(text.matches("ana\\r\\n2026").count(), 3, "{text}");
    }

    pub(crate) struct Sink(pub(crate) Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .map_err(|_| io::Error::other("poisoned"))?
                .extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}

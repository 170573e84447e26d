//! What is logged while a test runs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::Subscriber;
use tracing::span::{Attributes, Id};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// What is logged on this thread while it lives.
pub(crate) struct Log {
    bytes: Bytes,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn capture() -> Self {
        let bytes = Bytes::default();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_current_span(true)
            .with_env_filter("info,tower_sessions=off,tower_sessions_core=off")
            .with_writer(bytes.clone())
            .finish();
        Self {
            bytes,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        let bytes = self.bytes.0.lock().unwrap();
        str::from_utf8(&bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The one line with this message that a request has left.
    pub(crate) fn of(&self, request_id: &str, message: &str) -> Value {
        let is_of = |line: &Value| {
            line["span"]["request_id"] == request_id && line["fields"]["message"] == message
        };
        let mut found: Vec<Value> = self.lines().into_iter().filter(is_of).collect();
        assert_eq!(
            found.len(),
            1,
            "{message} of {request_id}: {:#?}",
            self.lines()
        );
        found.remove(0)
    }
}

/// What is done on this thread while it lives, by the names of its spans.
pub(crate) struct Done {
    names: Names,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Names(Arc<Mutex<Vec<&'static str>>>);

impl Done {
    pub(crate) fn watch() -> Self {
        let names = Names::default();
        let subscriber = tracing_subscriber::registry().with(names.clone());
        Self {
            names,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// How often this was done.
    pub(crate) fn count(&self, name: &str) -> usize {
        let names = self.names.0.lock().unwrap();
        names.iter().filter(|done| **done == name).count()
    }
}

impl<S: Subscriber> Layer<S> for Names {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        self.0.lock().unwrap().push(span.metadata().name());
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Bytes {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

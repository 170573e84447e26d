//! What this crate counts and measures.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use ticker_domain::ledger::{Answer, Outcome, Source};

use crate::App;
use crate::ledger::QUEUE_POSTINGS_MAX;
use crate::live::{ItemMoved, Over, Told};

pub use ticker_postgres::stock_surveys::BusyItem;

const POSTINGS_TOTAL: &str = "ticker_postings_total";
const POSTING_WAIT: &str = "ticker_posting_wait_seconds";
const POSTING_QUEUE: &str = "ticker_posting_queue_postings";
/// Postings that share a transaction; how it is sorted into buckets is the exporter's to say.
pub const POSTING_BATCH: &str = "ticker_posting_batch_postings";
const POSTING_COMMIT: &str = "ticker_posting_commit_seconds";
const POSTING_BATCHES_TOTAL: &str = "ticker_posting_batches_total";
const POSTING_QUEUE_MAX: &str = "ticker_posting_queue_postings_max";
const DATABASE_CONNECTIONS: &str = "ticker_database_connections";
const DATABASE_CONNECTIONS_MAX: &str = "ticker_database_connections_max";
const PASSWORD_HASHES_PENDING: &str = "ticker_password_hashes_pending";

const STREAMS: &str = "ticker_streams";
const STREAMS_MAX: &str = "ticker_streams_max";
const STREAMS_OPENED_TOTAL: &str = "ticker_streams_opened_total";
const STREAMS_CLOSED_TOTAL: &str = "ticker_streams_closed_total";
const STREAM_EVENTS_TOTAL: &str = "ticker_stream_events_total";
const STREAM_LAG: &str = "ticker_stream_lag_seconds";

const STREAM_EVENTS: [&str; 4] = ["stock", "item", "resync", "ended"];
const CLOSINGS: [&str; 4] = ["client_gone", "session_ended", "replaced", "stopping"];

const OUTCOMES: [&str; 6] = [
    "posted",
    "refused",
    "replayed",
    "key_reused",
    "rights_changed",
    "failed",
];

/// Describes the metrics of this crate and sets them to zero, so that they are there from the start.
pub fn preset() {
    describe_counter!(
        POSTINGS_TOTAL,
        Unit::Count,
        "Postings, by source and what became of them"
    );
    for source in Source::ALL {
        for outcome in OUTCOMES {
            counter!(POSTINGS_TOTAL, "source" => source.as_str(), "outcome" => outcome).absolute(0);
        }
    }
    preset_batches();
    preset_streams();
    crate::operation::metrics::preset();
    describe_gauge!(
        DATABASE_CONNECTIONS,
        Unit::Count,
        "Open connections to the database, by state"
    );
    describe_gauge!(
        DATABASE_CONNECTIONS_MAX,
        Unit::Count,
        "The most connections that may be busy or idle"
    );
    describe_gauge!(
        PASSWORD_HASHES_PENDING,
        Unit::Count,
        "Password hashes that run or wait"
    );
}

fn preset_batches() {
    describe_histogram!(
        POSTING_WAIT,
        Unit::Seconds,
        "Time that a posting waited for its batch"
    );
    describe_gauge!(POSTING_QUEUE, Unit::Count, "Postings that wait for a batch");
    describe_gauge!(
        POSTING_QUEUE_MAX,
        Unit::Count,
        "The most postings that may wait for a batch"
    );
    describe_histogram!(
        POSTING_BATCH,
        Unit::Count,
        "Postings that shared a transaction"
    );
    describe_histogram!(
        POSTING_COMMIT,
        Unit::Seconds,
        "Time from a batch's begin to its commit"
    );
    describe_counter!(
        POSTING_BATCHES_TOTAL,
        Unit::Count,
        "Batches of postings, by whether they were committed"
    );
    // A histogram is there as soon as it has been named.
    for name in [POSTING_WAIT, POSTING_BATCH, POSTING_COMMIT] {
        let _ = histogram!(name);
    }
    for outcome in ["committed", "failed"] {
        counter!(POSTING_BATCHES_TOTAL, "outcome" => outcome).absolute(0);
    }
}

fn preset_streams() {
    describe_gauge!(STREAMS, Unit::Count, "Live streams that are open");
    describe_gauge!(STREAMS_MAX, Unit::Count, "The most live streams at once");
    describe_counter!(
        STREAMS_OPENED_TOTAL,
        Unit::Count,
        "Live streams that were asked for, by whether there was room"
    );
    for outcome in ["opened", "refused"] {
        counter!(STREAMS_OPENED_TOTAL, "outcome" => outcome).absolute(0);
    }
    describe_counter!(
        STREAMS_CLOSED_TOTAL,
        Unit::Count,
        "Live streams that ended, by why"
    );
    for reason in CLOSINGS {
        counter!(STREAMS_CLOSED_TOTAL, "reason" => reason).absolute(0);
    }
    describe_counter!(
        STREAM_EVENTS_TOTAL,
        Unit::Count,
        "Events told, to each stream that was told them, by kind"
    );
    for event in STREAM_EVENTS {
        counter!(STREAM_EVENTS_TOTAL, "event" => event).absolute(0);
    }
    describe_histogram!(
        STREAM_LAG,
        Unit::Seconds,
        "Time from a movement to its being told to the streams of this process"
    );
    let _ = histogram!(STREAM_LAG);
}

impl App {
    /// Brings the gauges up to date; called whenever the metrics are read.
    pub fn update_gauges(&self) {
        let usage = self.database.pool_usage();
        let busy = usage.open.saturating_sub(usage.idle);
        gauge!(DATABASE_CONNECTIONS, "state" => "busy").set(busy);
        gauge!(DATABASE_CONNECTIONS, "state" => "idle").set(usage.idle);
        gauge!(DATABASE_CONNECTIONS, "state" => "posting").set(usage.posting);
        gauge!(DATABASE_CONNECTIONS_MAX).set(usage.max);
        let queued = u32::try_from(self.poster.queued()).unwrap_or(u32::MAX);
        gauge!(POSTING_QUEUE).set(queued);
        let queue_max = u32::try_from(QUEUE_POSTINGS_MAX).unwrap_or(u32::MAX);
        gauge!(POSTING_QUEUE_MAX).set(queue_max);
        let pending = u32::try_from(self.passwords.pending()).unwrap_or(u32::MAX);
        gauge!(PASSWORD_HASHES_PENDING).set(pending);
        let (streams, streams_max) = self.herald.hub.streams();
        gauge!(STREAMS).set(u32::try_from(streams).unwrap_or(u32::MAX));
        gauge!(STREAMS_MAX).set(u32::try_from(streams_max).unwrap_or(u32::MAX));
    }

    /// The items that the most postings of late were about, over all replicas, the busiest first: as the
    /// last survey of the stock found them.
    #[must_use]
    pub fn busiest_items(&self) -> Vec<BusyItem> {
        self.busiest_items.borrow().clone()
    }
}

/// Counts a posting; no outcome means that it could not be decided.
pub(crate) fn count_posting(source: Source, outcome: Option<&Outcome>) {
    let outcome = match outcome {
        Some(Outcome::Answered(Answer::Posted(_))) => "posted",
        Some(Outcome::Answered(Answer::Refused(_))) => "refused",
        Some(Outcome::Replayed(_)) => "replayed",
        Some(Outcome::KeyReused) => "key_reused",
        Some(Outcome::RightsChanged) => "rights_changed",
        None => "failed",
    };
    counter!(POSTINGS_TOTAL, "source" => source.as_str(), "outcome" => outcome).increment(1);
}

/// Records how long a posting waited for its batch.
pub(crate) fn record_posting_wait(waited: Duration) {
    histogram!(POSTING_WAIT).record(waited);
}

/// A batch on its way.
pub(crate) struct BatchTimer(Instant);

impl BatchTimer {
    /// Begins a batch of so many postings.
    pub(crate) fn start(postings: usize) -> Self {
        let postings = u32::try_from(postings).unwrap_or(u32::MAX);
        histogram!(POSTING_BATCH).record(postings);
        Self(Instant::now())
    }

    /// Ends it, once it is committed or has failed.
    pub(crate) fn stop(self, committed: bool) {
        histogram!(POSTING_COMMIT).record(self.0.elapsed());
        let outcome = if committed { "committed" } else { "failed" };
        counter!(POSTING_BATCHES_TOTAL, "outcome" => outcome).increment(1);
    }
}

/// Counts a stream that was asked for.
pub(crate) fn count_stream_opened(is_open: bool) {
    let outcome = if is_open { "opened" } else { "refused" };
    counter!(STREAMS_OPENED_TOTAL, "outcome" => outcome).increment(1);
}

/// Counts a stream that is gone; without a reason it was its client who left.
pub(crate) fn count_stream_closed(over: Option<Over>) {
    let reason = match over {
        None => "client_gone",
        Some(Over::SessionEnded) => "session_ended",
        Some(Over::Replaced) => "replaced",
        Some(Over::Stopping) => "stopping",
    };
    counter!(STREAMS_CLOSED_TOTAL, "reason" => reason).increment(1);
}

/// Counts what one stream is told.
pub(crate) fn count_told(told: &Told) {
    let count = |event: &'static str, events: usize| {
        if events > 0 {
            counter!(STREAM_EVENTS_TOTAL, "event" => event).increment(events as u64);
        }
    };
    match told {
        Told::Batch(batch) => {
            count("stock", batch.moved().len());
            count("item", batch.changed().len());
        }
        Told::Resync(_) => count("resync", 1),
        Told::Over(Over::SessionEnded) => count("ended", 1),
        Told::Over(_) => {}
    }
}

/// Records how long ago the oldest of these movements was made, which are told now.
pub(crate) fn record_live_lag(now: Timestamp, moved: &[ItemMoved]) {
    if let Some(since) = moved.iter().map(|item| item.since).min() {
        // Another machine's clock may be ahead.
        let lag = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        histogram!(STREAM_LAG).record(lag);
    }
}

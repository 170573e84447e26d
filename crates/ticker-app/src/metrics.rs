//! What this crate counts and measures.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use ticker_domain::ledger::{Answer, Outcome, Source};

use crate::App;

const POSTINGS_TOTAL: &str = "ticker_postings_total";
const DATABASE_CONNECTIONS: &str = "ticker_database_connections";
const DATABASE_CONNECTIONS_MAX: &str = "ticker_database_connections_max";
const PASSWORD_HASHES_PENDING: &str = "ticker_password_hashes_pending";

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
    crate::operation::metrics::preset();
    describe_gauge!(
        DATABASE_CONNECTIONS,
        Unit::Count,
        "Open connections to the database, by state"
    );
    describe_gauge!(
        DATABASE_CONNECTIONS_MAX,
        Unit::Count,
        "The most connections that may be open"
    );
    describe_gauge!(
        PASSWORD_HASHES_PENDING,
        Unit::Count,
        "Password hashes that run or wait"
    );
}

impl App {
    /// Brings the gauges up to date; called whenever the metrics are read.
    pub fn update_gauges(&self) {
        let usage = self.database.pool_usage();
        let busy = usage.open.saturating_sub(usage.idle);
        gauge!(DATABASE_CONNECTIONS, "state" => "busy").set(busy);
        gauge!(DATABASE_CONNECTIONS, "state" => "idle").set(usage.idle);
        gauge!(DATABASE_CONNECTIONS_MAX).set(usage.max);
        let pending = u32::try_from(self.passwords.pending()).unwrap_or(u32::MAX);
        gauge!(PASSWORD_HASHES_PENDING).set(pending);
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

//! What jobs count, and what they have found out about the ledger and the stock.

use jiff::Timestamp;
use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use ticker_domain::stock::StockStatus;
use ticker_postgres::invariants::{INVARIANTS, LedgerCheck};
use ticker_postgres::stock_surveys::StockSurvey;

use super::{Job, JobOutcome};

const LEDGER_VIOLATIONS: &str = "ticker_ledger_violations";
const LEDGER_CHECKED: &str = "ticker_ledger_checked_timestamp_seconds";
const STOCK_ITEMS: &str = "ticker_stock_items";
const STOCK_SURVEYED: &str = "ticker_stock_surveyed_timestamp_seconds";
const JOB_RUNS_TOTAL: &str = "ticker_job_runs_total";
const JOB_LAST_SUCCESS: &str = "ticker_job_last_success_timestamp_seconds";

/// Describes the metrics of jobs and sets them to zero. They are told apart by `name`, since Prometheus
/// has another meaning for the label `job`.
pub(crate) fn preset() {
    describe_gauge!(
        LEDGER_VIOLATIONS,
        Unit::Count,
        "Places where the ledger is broken, by invariant: 0 on a sound ledger"
    );
    for invariant in INVARIANTS {
        gauge!(LEDGER_VIOLATIONS, "invariant" => invariant.name).set(0);
    }
    describe_gauge!(
        LEDGER_CHECKED,
        Unit::Seconds,
        "When the ledger was last checked to its end, in seconds since 1970; 0 for never"
    );
    gauge!(LEDGER_CHECKED).set(0);
    describe_gauge!(
        STOCK_ITEMS,
        Unit::Count,
        "Items that are not archived, by status"
    );
    for status in StockStatus::ALL {
        gauge!(STOCK_ITEMS, "status" => status.as_str()).set(0);
    }
    describe_gauge!(
        STOCK_SURVEYED,
        Unit::Seconds,
        "When the stock was last surveyed, in seconds since 1970; 0 for never"
    );
    gauge!(STOCK_SURVEYED).set(0);
    describe_counter!(
        JOB_RUNS_TOTAL,
        Unit::Count,
        "Jobs that this process had, by name and how they ended"
    );
    describe_gauge!(
        JOB_LAST_SUCCESS,
        Unit::Seconds,
        "When a job was last done by any process, in seconds since 1970; 0 for never"
    );
    for job in Job::ALL {
        for outcome in JobOutcome::ALL {
            counter!(JOB_RUNS_TOTAL, "name" => job.as_str(), "outcome" => outcome.as_str())
                .absolute(0);
        }
        gauge!(JOB_LAST_SUCCESS, "name" => job.as_str()).set(0);
    }
}

pub(super) fn count_job(job: Job, outcome: JobOutcome) {
    counter!(JOB_RUNS_TOTAL, "name" => job.as_str(), "outcome" => outcome.as_str()).increment(1);
}

#[expect(clippy::cast_precision_loss, reason = "never as many as 2^52")]
pub(super) fn show_ledger_check(check: &LedgerCheck) {
    for (invariant, count) in &check.violations {
        gauge!(LEDGER_VIOLATIONS, "invariant" => *invariant).set(*count as f64);
    }
    if let Some(at) = check.checked_at {
        gauge!(LEDGER_CHECKED).set(seconds(at));
    }
}

#[expect(clippy::cast_precision_loss, reason = "never as many as 2^52")]
pub(super) fn show_stock_survey(survey: &StockSurvey) {
    for (status, count) in survey.items {
        gauge!(STOCK_ITEMS, "status" => status.as_str()).set(count as f64);
    }
    if let Some(at) = survey.surveyed_at {
        gauge!(STOCK_SURVEYED).set(seconds(at));
    }
}

/// Only jobs of this release: another one's may run on the same database.
pub(super) fn show_job_successes(successes: &[(String, Timestamp)]) {
    for job in Job::ALL {
        if let Some((_, at)) = successes.iter().find(|(name, _)| name == job.as_str()) {
            gauge!(JOB_LAST_SUCCESS, "name" => job.as_str()).set(seconds(*at));
        }
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

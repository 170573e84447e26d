//! What is measured, and how Prometheus reads it.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use ::metrics::{Unit, describe_gauge, describe_histogram, gauge, histogram};
use axum::Router;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use ticker_app::App;
use ticker_app::metrics::{BusyItem, POSTING_BATCH};
use tokio::time::MissedTickBehavior;

use crate::observe::{UNMATCHED, method_word};
use crate::routes;

const REQUEST_DURATION: &str = "ticker_http_request_duration_seconds";
const REQUESTS_IN_FLIGHT: &str = "ticker_http_requests_in_flight";
const ITEM_POSTINGS: &str = "ticker_stock_item_postings";
const BUILD_INFO: &str = "ticker_build_info";
const RESIDENT_MEMORY: &str = "ticker_process_resident_memory_bytes";

/// From half a millisecond to ten seconds, three or so a decade.
const DURATION_BUCKETS_S: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Up to the most that share a transaction.
const BATCH_BUCKETS_POSTINGS: [f64; 10] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Durations wait in memory until they are sorted into buckets, whether anybody reads them or not.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The metrics of this process. Clones are handles to the same.
#[derive(Clone)]
pub struct Metrics {
    prometheus: PrometheusHandle,
}

impl Metrics {
    /// Installs the process's one recorder and sets every metric that is known beforehand to zero, so
    /// that no panel and no alert waits for a first event. `commit` is the source's, where it is known.
    ///
    /// # Errors
    /// [`BuildError`] if a recorder is there already.
    pub fn install(
        version: &'static str,
        commit: Option<&'static str>,
    ) -> Result<Self, BuildError> {
        let durations = Matcher::Suffix("_seconds".to_owned());
        let batches = Matcher::Full(POSTING_BATCH.to_owned());
        let prometheus = PrometheusBuilder::new()
            .set_buckets_for_metric(durations, &DURATION_BUCKETS_S)?
            .set_buckets_for_metric(batches, &BATCH_BUCKETS_POSTINGS)?
            .install_recorder()?;
        preset(version, commit);
        ticker_auth::metrics::preset();
        ticker_app::metrics::preset();
        Ok(Self { prometheus })
    }

    /// What Prometheus reads, as things stand now.
    fn render(&self, app: &App) -> String {
        app.update_gauges();
        if let Some(bytes) = resident_memory_bytes() {
            gauge!(RESIDENT_MEMORY).set(bytes);
        }
        let mut text = self.prometheus.render();
        render_busiest_items(&mut text, &app.busiest_items());
        text
    }

    /// Keeps the memory that metrics take small. Never ends: run it beside the service and stop it with
    /// it.
    pub async fn keep_up(&self) {
        let mut ticks = tokio::time::interval(UPKEEP_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.prometheus.run_upkeep();
        }
    }
}

/// What is served on the metrics listener: `GET /metrics`, and nothing else.
pub fn metrics_service(metrics: Metrics, app: App) -> Router {
    let render = async move || {
        (
            [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
            metrics.render(&app),
        )
    };
    Router::new()
        .route("/metrics", get(render))
        .fallback(async || (StatusCode::NOT_FOUND, "only /metrics is here\n"))
}

fn preset(version: &'static str, commit: Option<&'static str>) {
    describe_histogram!(
        REQUEST_DURATION,
        Unit::Seconds,
        "Time from a request to its answer, by method, route and status"
    );
    for route in routes::all() {
        for status in likely_statuses(&route.method) {
            preset_request(method_word(&route.method), route.path, status);
        }
    }
    preset_request("GET", UNMATCHED, "404");
    // One of each is enough for a panel of failures to say 0.
    preset_request("GET", "/", "500");
    preset_request("GET", "/", "503");
    describe_gauge!(
        REQUESTS_IN_FLIGHT,
        Unit::Count,
        "Requests that are being answered"
    );
    gauge!(REQUESTS_IN_FLIGHT).set(0);
    describe_gauge!(BUILD_INFO, "1, labelled with what is running");
    match commit {
        Some(commit) => gauge!(BUILD_INFO, "version" => version, "commit" => commit).set(1),
        None => gauge!(BUILD_INFO, "version" => version).set(1),
    }
    describe_gauge!(
        RESIDENT_MEMORY,
        Unit::Bytes,
        "Memory that the process takes"
    );
}

/// A gauge stays once it was set; these come and go, so they are written here.
fn render_busiest_items(text: &mut String, items: &[BusyItem]) {
    let _ = writeln!(
        text,
        "# HELP {ITEM_POSTINGS} Postings of the last minutes, of the items that had most\n\
         # TYPE {ITEM_POSTINGS} gauge"
    );
    for item in items {
        let sku = label_value(&item.sku);
        let _ = writeln!(text, "{ITEM_POSTINGS}{{sku=\"{sku}\"}} {}", item.postings);
    }
}

/// The text as it stands between a label's quotation marks.
fn label_value(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

fn likely_statuses(method: &Method) -> &'static [&'static str] {
    if *method == Method::POST {
        &["200", "303"]
    } else {
        &["200"]
    }
}

/// A histogram is there as soon as it has been named.
fn preset_request(method: &'static str, route: &'static str, status: &'static str) {
    let labels = [("method", method), ("route", route), ("status", status)];
    let _ = histogram!(REQUEST_DURATION, &labels);
}

/// Counts an answered request.
pub(crate) fn record_request(
    method: &'static str,
    route: &'static str,
    status: u16,
    elapsed: Duration,
) {
    histogram!(
        REQUEST_DURATION,
        "method" => method, "route" => route, "status" => status.to_string()
    )
    .record(elapsed);
}

/// Counts a request as being answered until it is dropped.
pub(crate) struct InFlight(());

impl InFlight {
    pub(crate) fn begin() -> Self {
        gauge!(REQUESTS_IN_FLIGHT).increment(1);
        Self(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(REQUESTS_IN_FLIGHT).decrement(1);
    }
}

/// The process's resident memory (proc(5), `VmRSS`); `None` where the system does not tell.
#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
fn resident_memory_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((kib * 1_024) as f64)
}

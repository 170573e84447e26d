//! The questions to Prometheus that a decision rests on.

use serde::Deserialize;

use crate::decision::Measured;
use crate::exchange::{Failure, Peer};
use crate::policy::Policy;

/// Requests in flight of all replicas together, averaged over half a minute. The sum is averaged, not the
/// averages summed: those would count a replica that is gone beside the one that took its place.
const LOAD: &str = "avg_over_time(sum(ticker_http_requests_in_flight)[30s:5s])";
/// How many replicas say how many they have.
const REPORTING: &str = "count(ticker_http_requests_in_flight)";
/// NaN if there were no requests.
const P99_S: &str = "histogram_quantile(0.99, sum by (le) \
                     (rate(ticker_http_request_duration_seconds_bucket[1m])))";
/// What PostgreSQL allows, less what is kept for administrators and what is not held by replicas.
const ROOM: &str = "max(pg_settings_max_connections) - max(pg_settings_superuser_reserved_connections) \
                    - (max(pg_settings_reserved_connections) or vector(0)) \
                    - clamp_min(sum(pg_stat_activity_count) - sum(ticker_database_connections), 0)";

/// A Prometheus.
pub(crate) struct Prometheus {
    peer: Peer,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    result: Vec<Sample>,
}

/// Of each series; a sample is a time and the text of a number.
#[derive(Deserialize)]
struct Sample {
    value: (f64, String),
}

impl Prometheus {
    /// Connects to nobody yet.
    pub(crate) fn new(peer: Peer) -> Self {
        Self { peer }
    }

    /// The figures that `policy` needs. What is not known now is `None`.
    ///
    /// # Errors
    /// [`Failure`] if a question has no answer.
    pub(crate) async fn measure(&self, policy: &Policy) -> Result<Measured, Failure> {
        let mut measured = Measured {
            load: self.number(LOAD).await?,
            reporting: self.number(REPORTING).await?.map(whole),
            ..Measured::default()
        };
        if policy.p99_s.is_some() {
            let p99_s = self.number(P99_S).await?;
            measured.p99_s = p99_s.map(|p99_s| if p99_s.is_nan() { 0.0 } else { p99_s });
        }
        if policy.connections.is_some() {
            measured.room = self.number(ROOM).await?.map(whole);
        }
        Ok(measured)
    }

    /// The value of an expression that has one, or none.
    async fn number(&self, expression: &str) -> Result<Option<f64>, Failure> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", expression)
            .finish();
        let answer: Answer = self.peer.get(&format!("/api/v1/query?{query}")).await?;
        let sample = answer.data.result.first();
        Ok(sample.and_then(|sample| sample.value.1.parse().ok()))
    }
}

/// Of a number that counts things; what is below none is none.
fn whole(number: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion stops at the ends of u32, which is what is meant"
    )]
    let whole = number as u32;
    whole
}

//! Sides of a comparison, which take turns.

use anyhow::Result;
use serde_json::{Value, json};

use super::figure::Series;
use crate::ground::Ground;
use crate::interrupt::{self, Interrupted};
use crate::progress::Step;

/// What one turn gave.
pub(super) struct Sample {
    pub(super) per_second: f64,
    /// Everything that was said about it, for the file of the run.
    pub(super) detail: Value,
}

/// Something that is measured again and again.
pub(super) struct Side<'a> {
    pub(super) name: String,
    pub(super) measure: Box<dyn Fn() -> Result<Sample> + 'a>,
}

impl<'a> Side<'a> {
    pub(super) fn new(name: String, measure: impl Fn() -> Result<Sample> + 'a) -> Self {
        Self {
            name,
            measure: Box::new(measure),
        }
    }
}

/// Lets each side have its turn, round after round. Before each the database is tidied up, so that none
/// pays for what another left behind. Returns a series a side, in their order, and every sample.
///
/// # Errors
/// As soon as a turn fails, or after Ctrl-C.
pub(super) fn take(
    ground: &Ground,
    rounds: u32,
    sides: &[Side<'_>],
) -> Result<(Vec<Series>, Vec<Value>)> {
    take_after(|| ground.tidy_up(), rounds, sides)
}

/// As [`take`], of sides that only read: the database is tidied up once.
///
/// # Errors
/// As [`take`].
pub(super) fn take_reading(
    grounds: &[&Ground],
    rounds: u32,
    sides: &[Side<'_>],
) -> Result<(Vec<Series>, Vec<Value>)> {
    let step = Step::start("Tidying up");
    for ground in grounds {
        ground.tidy_up()?;
    }
    step.done();
    take_after(|| Ok(()), rounds, sides)
}

fn take_after(
    prepare: impl Fn() -> Result<()>,
    rounds: u32,
    sides: &[Side<'_>],
) -> Result<(Vec<Series>, Vec<Value>)> {
    let mut series: Vec<Series> = sides
        .iter()
        .map(|side| Series::new(side.name.clone(), "/s"))
        .collect();
    let mut details = Vec::new();
    for round in 1..=rounds {
        for (side, series) in sides.iter().zip(&mut series) {
            prepare()?;
            let step = Step::start(format!("Round {round} of {rounds}: {}", side.name));
            let sample = (side.measure)()?;
            step.done_with(&format!(
                "{round}/{rounds} {}: {:.0}/s",
                side.name, sample.per_second
            ));
            series.samples.push(sample.per_second);
            details.push(json!({ "round": round, "side": side.name, "gave": sample.detail }));
            if interrupt::requested() {
                return Err(Interrupted.into());
            }
        }
    }
    Ok((series, details))
}

/// The 99th percentile of the latencies of a kind of request, turn by turn of one side, in ms.
pub(super) fn p99_ms(side: &str, kind: &str, samples: &[Value]) -> Series {
    let mut latency = Series::new(format!("{side}, p99"), "ms");
    let turns = samples
        .iter()
        .filter(|sample| sample["side"] == json!(side));
    latency.samples = turns
        .filter_map(|turn| turn["gave"]["kinds"][kind]["latency_us"]["p99"].as_f64())
        .map(|us| us / 1_000.0)
        .collect();
    latency
}

//! Screens that follow live: how soon they hear of presses at another process, and what they cost.

use anyhow::Result;
use serde_json::json;

use super::figure::{Figure, Reach, Series};
use super::load::{Follow, Load};
use super::plan::Plan;
use super::report::Report;
use super::yardstick::Items;
use crate::ground::{Ground, Replica};
use crate::progress::Step;

/// Presses a second while latency is what counts, and while everybody is busy.
const CALM_RATE: u32 = 20;
const BUSY_RATE: u32 = 500;

/// People press at one process, screens follow at another. A press on one item with and without them tells
/// what they cost.
pub(super) fn run(ground: &Ground, plan: &Plan) -> Result<Report> {
    let (pressed, followed) = (
        Replica::start(ground, "pressed")?,
        Replica::start(ground, "followed")?,
    );
    let streams = plan.streams;
    let mut calm_ms = Series::new(
        format!("press to event at {streams} streams, {CALM_RATE} presses/s, p99"),
        "ms",
    );
    let mut busy_ms = Series::new(
        format!(
            "the same at {BUSY_RATE} presses/s beside {} that never read, p99",
            plan.stalled
        ),
        "ms",
    );
    let mut dropped_s = Series::new("until the last that never read is dropped", "s");
    let mut stream_kib = Series::new("memory more, a stream", "KiB");
    let mut alone = Series::new("presses on one item, nobody follows", "/s");
    let mut beside = Series::new(
        format!("presses on one item beside {streams} streams"),
        "/s",
    );
    let mut most_mib = Series::new("memory then at most", "MiB");
    let mut samples = Vec::new();
    for round in 1..=plan.rounds {
        let step = Step::start(format!("Round {round} of {}", plan.rounds));
        let idle_mib = followed.resident_mib()?;
        followed.forget_peak()?;
        let follow = |rate, stalled| Follow {
            rate,
            streams,
            stalled,
        };
        let calm = Load::follow(ground, plan, [&pressed, &followed], follow(CALM_RATE, 0))?;
        stream_kib
            .samples
            .push((followed.resident_mib_max()? - idle_mib) * 1_024.0 / f64::from(streams));
        let busy = follow(BUSY_RATE, plan.stalled);
        let busy = Load::follow(ground, plan, [&pressed, &followed], busy)?;
        calm_ms.samples.push(calm.streams_p99_ms()?);
        busy_ms.samples.push(busy.streams_p99_ms()?);
        if plan.stalled > 0 {
            dropped_s.samples.push(busy.dropped_after_s()?);
        }
        // As many sessions as the streams need.
        let clients = plan.pressing[0].max(plan.followers());
        let without =
            Load::press(ground, plan, &[&followed], Items::One, clients)?.into_sample()?;
        followed.forget_peak()?;
        let with = Load::press_beside(ground, plan, &followed, clients)?.into_sample()?;
        alone.samples.push(without.per_second);
        beside.samples.push(with.per_second);
        most_mib.samples.push(followed.resident_mib_max()?);
        samples.push(json!({
            "round": round, "calm": calm.into_json(), "busy": busy.into_json(),
            "alone": without.detail, "beside": with.detail,
        }));
        step.done();
    }
    let ratio: Figure = beside.over(&alone).into();
    let mut figures = vec![
        calm_ms.reaching(Reach::AtMost(100.0)),
        busy_ms.reaching(Reach::AtMost(500.0)),
    ];
    // In short nobody stands still: it takes too long until they are dropped.
    if plan.stalled > 0 {
        figures.push(dropped_s.into());
    }
    figures.extend([
        stream_kib.reaching(Reach::AtMost(32.0)),
        alone.into(),
        beside.into(),
        ratio,
        most_mib.reaching(Reach::AtMost(96.0)),
    ]);
    Ok(Report {
        figures,
        samples,
        remarks: vec![
            "Every stream heard of all that moved of every item that was pressed on; none was told to look at everything, \
             and none broke off."
                .to_owned(),
        ],
    })
}

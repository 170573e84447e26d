//! Pages while hundreds sign in at once, each of whom costs a hash that takes 19 MiB.

use anyhow::Result;
use serde_json::json;

use super::figure::{Figure, Reach, Series};
use super::load::Load;
use super::plan::Plan;
use super::report::Report;
use crate::ground::{Ground, Replica};
use crate::progress::Step;

/// Reads pages with and without a storm in turn.
pub(super) fn run(ground: &Ground, plan: &Plan) -> Result<Report> {
    let replica = Replica::start(ground, "ticker")?;
    let mut calm_ms = Series::new("pages without sign-ins, p99", "ms");
    let mut storm_ms = Series::new(
        format!("pages during {} sign-ins, p99", plan.sign_ins),
        "ms",
    );
    let mut lasted = Series::new("until the last one is in", "s");
    let mut before_mib = Series::new("memory before", "MiB");
    let mut more_mib = Series::new("memory more at most", "MiB");
    let mut samples = Vec::new();
    for round in 1..=plan.rounds {
        let step = Step::start(format!("Round {round} of {}", plan.rounds));
        let calm = Load::browse(ground, plan, &replica)?;
        let resident = replica.resident_mib()?;
        replica.forget_peak()?;
        let storm = Load::sign_in(ground, plan, &replica)?;
        let most = replica.resident_mib_max()?;
        calm_ms.samples.push(calm.pages_p99_ms()?);
        storm_ms.samples.push(storm.pages_p99_ms()?);
        lasted.samples.push(storm.sign_ins_seconds()?);
        before_mib.samples.push(resident);
        more_mib.samples.push(most - resident);
        samples.push(json!({
            "round": round, "calm": calm.into_json(), "storm": storm.into_json(),
            "resident_mib": resident, "resident_mib_max": most,
        }));
        step.done();
    }
    let figures: Vec<Figure> = vec![
        calm_ms.into(),
        storm_ms.reaching(Reach::AtMost(250.0)),
        lasted.into(),
        before_mib.into(),
        more_mib.reaching(Reach::AtMost(64.0)),
    ];
    Ok(Report {
        figures,
        samples,
        remarks: vec![
            "The pages are those of the slowest kind: inventory, item or history.".to_owned(),
        ],
    })
}

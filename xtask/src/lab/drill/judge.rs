//! What the users saw while something broke.

use anyhow::Result;
use serde_json::{Value, json};

use super::stage::Stage;
use crate::drill::acknowledgements::Fault;
use crate::drill::checker;
use crate::drill::load::Gave;
use crate::drill::verdict::{Verdict, float};

/// The check that every request was answered as it should be at its first attempt, but for those that were in
/// flight where something was broken that cannot answer any more.
pub(super) const FAILED: &str = "failed";

/// The check that people could go on: the proxy holds requests back while there is no replica, which fails
/// nothing and is an outage all the same.
pub(super) const WAITED: &str = "longest without a press";
const PATIENCE_S: f64 = 2.0;

/// Takes in what users saw, and whether what they were told is true. In `faults` something
/// ended outright: what was in flight then may have failed.
///
/// # Errors
/// When it cannot be checked.
pub(super) fn judge(
    verdict: &mut Verdict,
    stage: &Stage<'_>,
    gave: &Gave,
    faults: &[Fault],
) -> Result<()> {
    let attempts = &gave.result["first_attempts"];
    let (failed, in_flight) = failures(attempts, faults);
    verdict.tell("requests", float(number(&attempts["count"])), "");
    verdict.never(FAILED, failed - in_flight);
    if !faults.is_empty() {
        verdict.tell("failed in flight", float(in_flight), "");
    }
    let unsent = number(&gave.result["unsent"]);
    verdict.at_most(
        "not sent in time",
        float(unsent),
        "",
        float(number(&attempts["count"]) / 100),
    );
    for (name, waited) in waits(attempts) {
        verdict.at_most(name, waited, "s", PATIENCE_S);
    }
    truth(verdict, stage, gave)
}

/// Takes in how much failed without judging it, and whether what users were told is true.
///
/// # Errors
/// When it cannot be checked.
pub(super) fn tell(verdict: &mut Verdict, stage: &Stage<'_>, gave: &Gave) -> Result<()> {
    let attempts = &gave.result["first_attempts"];
    verdict.tell("requests", float(number(&attempts["count"])), "");
    verdict.tell("failed at first", float(number(&attempts["failed"])), "");
    for (name, waited) in waits(attempts) {
        verdict.tell(name, waited, "s");
    }
    truth(verdict, stage, gave)
}

/// For how long at most nobody got a page, and nobody a press through; in seconds.
fn waits(attempts: &Value) -> [(&'static str, f64); 2] {
    let gaps = &attempts["longest_without_success"];
    let of = |purpose: &str| gaps[purpose]["seconds"].as_f64().unwrap_or(f64::NAN);
    [
        ("longest without a page", of("reads")),
        (WAITED, of("writes")),
    ]
}

fn truth(verdict: &mut Verdict, stage: &Stage<'_>, gave: &Gave) -> Result<()> {
    verdict.never("answers that none may get", gave.wrong());
    let findings = checker::of(stage.loadgen("check").arg("--log").arg(&gave.log))?;
    verdict.tell("acknowledged writes", float(findings.posted), "");
    verdict.never(checker::UNTRUE, findings.violations);
    let verified = stage.ticker(&["verify"], "");
    verdict.never("ledger not sound", u64::from(verified.is_err()));
    if let Some(example) = findings.told.first() {
        verdict.remark(format!("such as: {example}"));
    }
    verdict.detail(json!({
        "violations": findings.told,
        "verify": verified.unwrap_or_else(|error| format!("{error:#}")),
        "load": gave.result,
    }));
    Ok(())
}

/// How many first attempts failed, and how many of them had been sent and not ended when one of these faults came. Of
/// those that are not told in detail nobody knows.
fn failures(attempts: &Value, faults: &[Fault]) -> (u64, u64) {
    let start_s = float(number(&attempts["start_ms"])) / 1_000.0;
    let told = attempts["failures"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let was_in_flight = |failure: &&Value| {
        let sent = failure["at_s"].as_f64().map(|at| start_s + at);
        let Some((sent, took)) = sent.zip(failure["took_s"].as_f64()) else {
            return false;
        };
        let meets = |fault: &Fault| {
            let [begun, over] = [fault.begun_ms, fault.over_ms].map(|ms| float(ms) / 1_000.0);
            sent <= over && begun <= sent + took
        };
        faults.iter().any(meets)
    };
    let in_flight = told.iter().filter(was_in_flight).count();
    let in_flight = u64::try_from(in_flight).unwrap_or_default();
    (number(&attempts["failed"]), in_flight)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_on_its_way_is_in_flight() {
        let failure = |at_s: f64, took_s: f64| json!({ "at_s": at_s, "took_s": took_s });
        let attempts = json!({
            "start_ms": 1_000_000,
            "failed": 5,
            "failures": [failure(1.0, 3.0), failure(3.9, 0.2), failure(4.1, 1.0), failure(2.0, 1.0)],
        });
        let fault = |begun_ms: u64, over_ms: u64| Fault { begun_ms, over_ms };
        assert_eq!(failures(&attempts, &[fault(1_004_000, 1_004_050)]), (5, 2));
        assert_eq!(failures(&attempts, &[]), (5, 0));
        assert_eq!(failures(&attempts, &[fault(1_004_000, 1_004_500)]), (5, 3));
    }
}

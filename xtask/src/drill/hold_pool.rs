//! Every connection of a replica to its database is held by something that does not answer.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;

use super::pause::pause;
use super::proxy::{Mode, Proxy};
use super::stage::Stage;
use super::verdict::{Verdict, float};
use super::visitor::{self, Answer, Visitor};
use crate::ground::{Replica, Way};
use crate::progress::Step;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "the replica itself is frozen, and answers nobody";
/// The check that the control is told by: it may find everybody reading, or everybody pressing.
pub(super) const NOTICES: &str = "slowest answer, tables locked";
/// How soon everybody is to be answered.
const SOON_S: f64 = 2.5;
/// In short, other tests share the machine: what is seen is that there is a bound, not how close it is.
const SOON_SHORT_S: f64 = 4.5;

/// Many more than there are connections.
const VISITORS: usize = 40;
/// Long after the end of a hold everything has to be as before.
const CALM: Duration = Duration::from_secs(3);

/// What holds the connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// A lock on tables that every request needs.
    Lock,
    /// A network that drops packets.
    Stall,
}

/// A time in which the connections were held.
struct Hold {
    by: By,
    begun: Instant,
    over: Instant,
}

/// One replica with a proxy before its database, and visitors who read and press all the time.
pub(super) fn run(stage: &mut Stage) -> Result<Verdict> {
    let proxy = Proxy::to(stage.ground.cluster.port)?;
    let replica = Replica::start_by(&stage.ground, "ticker", Way::Through(proxy.port()))?;
    let accounts = visitor::accounts(&stage.ground.accounts())?;
    let accounts = accounts.iter().cycle().take(VISITORS);
    let visitors: Result<Vec<Visitor>> = accounts
        .map(|account| Visitor::sign_in(replica.port(), account))
        .collect();
    let (holds, answers) = hold_again_and_again(stage, &proxy, &replica, &visitors?)?;

    let [locked, stalled] = [By::Lock, By::Stall].map(|by| length(stage, by).as_secs());
    let mut verdict = Verdict::of(format!(
        "{} times all connections of a replica were held, by locks for {locked} s or, in turn, by a silent \
         network for {stalled} s, {VISITORS} visitors reading and pressing",
        stage.times
    ));
    let soon_s = if stage.is_short { SOON_SHORT_S } else { SOON_S };
    judge(&mut verdict, &holds, &answers, soon_s);
    Ok(verdict)
}

fn length(stage: &Stage, by: By) -> Duration {
    Duration::from_secs(match by {
        // Longer than a statement may take, 5 s: else its limit could not be told from another.
        By::Lock => 8,
        By::Stall if stage.is_short => 4,
        By::Stall => 20,
    })
}

fn hold_again_and_again(
    stage: &Stage,
    proxy: &Proxy,
    replica: &Replica,
    visitors: &[Visitor],
) -> Result<(Vec<Hold>, Vec<Answer>)> {
    let (is_over, answers) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let visit = |visitor: &Visitor| -> Result<()> {
        let mut own = Vec::new();
        for item in (1..=100).cycle() {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            own.push(visitor.read());
            own.push(visitor.press(item)?);
        }
        if let Ok(mut answers) = answers.lock() {
            answers.extend(own);
        }
        Ok(())
    };
    let step = Step::start(format!("Holding all connections {} times", stage.times));
    let holds = thread::scope(|scope| {
        let visiting: Vec<_> = visitors
            .iter()
            .map(|one| scope.spawn(|| visit(one)))
            .collect();
        let holds: Result<Vec<Hold>> = (0..stage.times)
            .map(|number| {
                let by = if number % 2 == 0 { By::Lock } else { By::Stall };
                pause(Duration::from_millis(500))?;
                if stage.is_control {
                    replica.freeze()?;
                }
                let held = hold(stage, proxy, by)?;
                if stage.is_control {
                    replica.thaw()?;
                }
                pause(CALM)?;
                Ok(held)
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        for one in visiting {
            one.join().ok().context("a visitor is lost")??;
        }
        holds
    });
    step.done();
    Ok((holds?, answers.into_inner().unwrap_or_default()))
}

fn hold(stage: &Stage, proxy: &Proxy, by: By) -> Result<Hold> {
    let begun = Instant::now();
    match by {
        By::Lock => {
            let seconds = length(stage, by).as_secs();
            stage.sql(&format!(
                "LOCK TABLE items, sessions, users IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({seconds});"
            ))?;
        }
        By::Stall => {
            proxy.set(Mode::Stalled);
            pause(length(stage, by))?;
            proxy.set(Mode::Open);
        }
    }
    let over = Instant::now();
    Ok(Hold { by, begun, over })
}

fn judge(verdict: &mut Verdict, holds: &[Hold], answers: &[Answer], soon_s: f64) {
    let slowest = |by: By, wanted: &dyn Fn(&Answer) -> bool| {
        let meets = |hold: &Hold, answer: &Answer| {
            hold.by == by && answer.asked < hold.over && answer.answered > hold.begun
        };
        let met = answers
            .iter()
            .filter(|answer| wanted(answer) && holds.iter().any(|hold| meets(hold, answer)));
        met.map(|answer| answer.took().as_secs_f64())
            .fold(f64::NAN, f64::max)
    };
    let is_away = |answer: &Answer| answer.status == Some(503);
    let all = |_: &Answer| true;
    let reads = |answer: &Answer| !answer.is_press;
    let presses = |answer: &Answer| answer.is_press;
    for (name, by, wanted) in [
        (NOTICES, By::Lock, &all as &dyn Fn(&Answer) -> bool),
        ("slowest read, tables locked", By::Lock, &reads),
        ("slowest press, tables locked", By::Lock, &presses),
        ("slowest read, network silent", By::Stall, &reads),
        ("slowest press, network silent", By::Stall, &presses),
    ] {
        if holds.iter().any(|hold| hold.by == by) {
            verdict.at_most(name, slowest(by, wanted), "s", soon_s);
        }
    }
    let well_s: Vec<f64> = holds
        .iter()
        .map(|hold| well_again_s(hold.over, answers))
        .collect();
    verdict.at_most(
        "well again after",
        well_s.iter().copied().fold(0.0, f64::max),
        "s",
        1.0,
    );
    let (away, strange): (Vec<&Answer>, Vec<&Answer>) = answers
        .iter()
        .filter(|answer| !is_good(answer))
        .partition(|answer| is_away(answer));
    verdict.never("neither 200, 303 nor 503", strange.len() as u64);
    verdict.tell("turned away", float(away.len() as u64), "");
    verdict.detail(json!({
        "well_again_s": well_s,
        "strange": strange.iter().map(|answer| json!({
            "status": answer.status,
            "took_s": answer.took().as_secs_f64(),
        })).collect::<Vec<_>>(),
    }));
}

fn is_good(answer: &Answer) -> bool {
    matches!(answer.status, Some(200 | 303))
}

/// How long after a moment the last request that was made since then and turned away had its answer, or
/// the first good answer came if none was; at most until the next hold.
fn well_again_s(over: Instant, answers: &[Answer]) -> f64 {
    let since = answers
        .iter()
        .filter(|answer| answer.asked >= over && answer.asked < over + CALM);
    let (good, bad): (Vec<&Answer>, Vec<&Answer>) = since.partition(|answer| is_good(answer));
    let first = good.iter().map(|answer| answer.answered).min();
    let last = bad.iter().map(|answer| answer.answered).max();
    last.max(first)
        .map_or(f64::INFINITY, |moment| (moment - over).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_is_when_nobody_is_turned_away_any_more() {
        let over = Instant::now();
        let answer = |asked_ms, answered_ms, status| Answer {
            asked: over + Duration::from_millis(asked_ms),
            answered: over + Duration::from_millis(answered_ms),
            status: Some(status),
            is_press: false,
        };
        let well_ms = |answers: &[Answer]| (well_again_s(over, answers) * 1_000.0).round();
        let same = |found: f64, ms: f64| (found - ms).abs() < 0.5;
        let (first, late) = (answer(0, 20, 200), answer(100, 110, 200));
        assert!(same(well_ms(&[first, late]), 20.0));
        assert!(same(well_ms(&[first, answer(50, 700, 503), late]), 700.0));
        assert!(well_ms(&[]).is_infinite(), "nobody was answered");
        let next_hold = answer(3_001, 3_002, 503);
        assert!(
            same(well_ms(&[first, next_hold]), 20.0),
            "that is the next one's"
        );
    }
}

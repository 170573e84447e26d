//! How many replicas a service is to have: a pure function of what was seen, of what its labels ask for,
//! and of what was seen before.
//!
//! **Target tracking.** Requests in flight in all, divided by what one replica is to carry, is how many
//! replicas are wanted; within a tenth of the target nothing is. If the labels name a target for the 99th
//! percentile, its excess asks for replicas in proportion, and the larger number counts. One step at most
//! doubles or halves.
//!
//! **Up** once nothing has changed for `up_after`; only while all replicas run, since more of what does not
//! come up is no help; and only as far as the database has connections for, one replica less, which a
//! rolling update starts before it stops an old one. What the database has room for limits growth only:
//! it never takes replicas away, and never keeps a service below its minimum.
//!
//! **Down** once for `down_after` nothing has changed and every round knew what is wanted, and then only to
//! the most that was wanted in that time. So after an update, a silence of Prometheus, a change by hand or
//! a start of this program the window begins anew.
//!
//! **Nothing** while an update or a rollback runs or waits for somebody, while the figures are missing, and
//! for a service that somebody set to no replicas.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::time::Duration;

use crate::policy::Policy;

/// How far from its target a replica may be before anything is done about it.
const TOLERANCE: f64 = 0.1;
/// The most by which one step multiplies or divides.
const STEP: u32 = 2;
/// What binary fractions make of a whole number is rounded down to it again.
const ROUNDING: f64 = 1e-9;

/// A service as it was seen in a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Observation {
    /// Replicas that the swarm was told to run.
    pub(crate) replicas: u32,
    /// Those of them that run.
    pub(crate) running: u32,
    /// An update or a rollback is under way, or paused.
    pub(crate) is_updating: bool,
    /// What Prometheus knows.
    pub(crate) measured: Measured,
}

/// The figures that a decision needs, where they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    /// Requests in flight, of all replicas together.
    pub(crate) load: Option<f64>,
    /// How many replicas `load` is the sum of.
    pub(crate) reporting: Option<u32>,
    /// The 99th percentile of answers, in seconds; 0 if there were none.
    pub(crate) p99_s: Option<f64>,
    /// Connections to the database that replicas may hold, all together.
    pub(crate) room: Option<u32>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The replicas that the figures ask for, within the bounds; `None` if that is not known.
    pub(crate) wanted: Option<u32>,
    pub(crate) verdict: Verdict,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There are as many replicas as are wanted.
    Keep,
    /// This many are to run from now on.
    Scale(u32),
    /// Leave it, for this reason.
    Hold(Reason),
}

/// Why a service is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// An update or a rollback is not finished.
    Updating,
    /// A figure is missing.
    NoMetrics,
    /// Fewer replicas run than were asked for.
    NotConverged,
    /// The database has no connections for one more.
    Connections,
    /// It is too soon.
    CoolDown,
    /// Somebody set the service to no replicas.
    AtZero,
}

/// What earlier rounds saw of a service. Times are since any moment before them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    replicas: Option<u32>,
    changed_at: Option<Duration>,
    /// Since when every round has known what is wanted and nothing has changed.
    known_since: Option<Duration>,
    /// What was wanted since then, no longer ago than matters.
    wanted: VecDeque<(Duration, u32)>,
}

impl History {
    fn note_replicas(&mut self, now: Duration, replicas: u32) {
        if self.replicas.is_some_and(|before| before != replicas) {
            self.changed_at = Some(now);
            self.forget_wanted();
        }
        self.replicas = Some(replicas);
    }

    fn note_wanted(&mut self, now: Duration, wanted: u32, window: Duration) {
        self.known_since.get_or_insert(now);
        self.wanted.push_back((now, wanted));
        while let Some((at, _)) = self.wanted.front()
            && now.saturating_sub(*at) > window
        {
            self.wanted.pop_front();
        }
    }

    /// A round passed of which nothing is known: more may have been wanted in it than ever.
    pub(crate) fn forget_wanted(&mut self) {
        self.known_since = None;
        self.wanted.clear();
    }

    fn is_cool(&self, now: Duration, up_after: Duration) -> bool {
        self.changed_at
            .is_none_or(|at| now.saturating_sub(at) >= up_after)
    }

    /// The most that was wanted within `window`, if all of that is known.
    fn most_wanted(&self, now: Duration, window: Duration) -> Option<u32> {
        let since = self.known_since?;
        if now.saturating_sub(since) < window {
            return None;
        }
        self.wanted.iter().map(|(_, wanted)| *wanted).max()
    }
}

/// Decides, and returns what the next round has to know. `now` must not be before an earlier round's.
pub(crate) fn decide(
    now: Duration,
    seen: &Observation,
    policy: &Policy,
    mut history: History,
) -> (Decision, History) {
    history.note_replicas(now, seen.replicas);
    let decision = match wanted(seen, policy) {
        Err(reason) => {
            history.forget_wanted();
            Decision {
                wanted: None,
                verdict: Verdict::Hold(reason),
            }
        }
        Ok(wanted) => {
            history.note_wanted(now, wanted, policy.down_after);
            let verdict = match wanted.cmp(&seen.replicas) {
                Ordering::Equal => Verdict::Keep,
                Ordering::Greater => grow(now, wanted, seen, policy, &history),
                Ordering::Less => shrink(now, seen, policy, &history),
            };
            Decision {
                wanted: Some(wanted),
                verdict,
            }
        }
    };
    (decision, history)
}

/// How many replicas the figures ask for, within the bounds.
fn wanted(seen: &Observation, policy: &Policy) -> Result<u32, Reason> {
    if seen.replicas == 0 {
        return Err(Reason::AtZero);
    }
    if seen.is_updating {
        return Err(Reason::Updating);
    }
    let load = known(seen.measured.load)?;
    let reporting = seen.measured.reporting.ok_or(Reason::NoMetrics)?;
    let carried = f64::from(seen.replicas) * policy.target;
    let mut wanted = proportional(seen.replicas, load / carried);
    if let Some(target_s) = policy.p99_s {
        let p99_s = known(seen.measured.p99_s)?;
        wanted = wanted.max(proportional(seen.replicas, p99_s / target_s));
    }
    let (least, most) = (
        seen.replicas.div_ceil(STEP),
        seen.replicas.saturating_mul(STEP),
    );
    let wanted = wanted.clamp(least, most).clamp(policy.min, policy.max);
    // Whoever does not report may be busy: that can only mean more, so fewer must not be concluded.
    if wanted < seen.replicas && reporting < seen.running {
        return Err(Reason::NoMetrics);
    }
    Ok(wanted)
}

fn known(figure: Option<f64>) -> Result<f64, Reason> {
    figure
        .filter(|figure| figure.is_finite() && *figure >= 0.0)
        .ok_or(Reason::NoMetrics)
}

/// The replicas that bring each back to its target, of which each has `ratio` now.
fn proportional(replicas: u32, ratio: f64) -> u32 {
    if (ratio - 1.0).abs() <= TOLERANCE {
        return replicas;
    }
    let wanted = (f64::from(replicas) * ratio - ROUNDING).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion stops at the ends of u32, which is what is meant"
    )]
    let wanted = wanted as u32;
    wanted
}

fn grow(
    now: Duration,
    wanted: u32,
    seen: &Observation,
    policy: &Policy,
    history: &History,
) -> Verdict {
    if seen.running < seen.replicas {
        return Verdict::Hold(Reason::NotConverged);
    }
    let mut to = wanted;
    if let Some(connections) = policy.connections {
        let Some(room) = seen.measured.room else {
            return Verdict::Hold(Reason::NoMetrics);
        };
        // One replica's stay free for a rolling update, which starts a new one before it stops an old one.
        let fit = (room / connections).saturating_sub(1);
        to = to.min(fit.max(policy.min));
    }
    if to <= seen.replicas {
        Verdict::Hold(Reason::Connections)
    } else if history.is_cool(now, policy.up_after) {
        Verdict::Scale(to)
    } else {
        Verdict::Hold(Reason::CoolDown)
    }
}

fn shrink(now: Duration, seen: &Observation, policy: &Policy, history: &History) -> Verdict {
    let most = history
        .most_wanted(now, policy.down_after)
        .map(|most| most.clamp(policy.min, policy.max));
    match most {
        Some(most) if most < seen.replicas => Verdict::Scale(most),
        _ => Verdict::Hold(Reason::CoolDown),
    }
}

#[cfg(test)]
mod tests;

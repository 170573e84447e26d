use proptest::prelude::*;

use super::*;

const POLICY: Policy = Policy {
    min: 2,
    max: 6,
    target: 8.0,
    p99_s: None,
    up_after: Duration::from_secs(15),
    down_after: Duration::from_mins(1),
    connections: None,
};

fn seen(replicas: u32, load: f64) -> Observation {
    Observation {
        replicas,
        running: replicas,
        is_updating: false,
        measured: Measured {
            load: Some(load),
            reporting: Some(replicas),
            p99_s: None,
            room: None,
        },
    }
}

/// The decision of a first round.
fn first(seen: &Observation, policy: &Policy) -> Decision {
    decide(Duration::ZERO, seen, policy, History::default()).0
}

/// Rounds 10 s apart; what each decided.
fn rounds(policy: &Policy, observations: &[Observation]) -> Vec<Verdict> {
    let mut history = History::default();
    let mut verdicts = Vec::new();
    let mut now = Duration::ZERO;
    for seen in observations {
        let (decision, next) = decide(now, seen, policy, history);
        history = next;
        verdicts.push(decision.verdict);
        now += Duration::from_secs(10);
    }
    verdicts
}

#[test]
fn the_target_is_tracked_within_band_step_and_bounds() {
    for (replicas, load, wanted, why) in [
        (2, 16.0, 2, "exactly what they are to carry"),
        (2, 17.5, 2, "nearly a tenth more is within the band"),
        (2, 17.7, 3, "beyond the band"),
        (4, 28.9, 4, "nearly a tenth less is within the band"),
        (4, 28.0, 4, "beyond the band, and 3.5 are 4"),
        (4, 24.0, 3, "exactly three"),
        (2, 31.0, 4, "3.9 are 4"),
        (2, 80.0, 4, "ten, but one step doubles at most"),
        (4, 80.0, 6, "eight, but six is the most"),
        (6, 0.0, 3, "none, but one step halves at most"),
        (3, 0.0, 2, "none, but two is the least"),
        (1, 0.0, 2, "somebody set fewer than the least"),
        (9, 72.0, 6, "somebody set more than the most"),
    ] {
        let decision = first(&seen(replicas, load), &POLICY);
        assert_eq!(decision.wanted, Some(wanted), "{replicas} at {load}: {why}");
    }
}

#[test]
fn slow_answers_ask_for_more_and_quick_ones_for_nothing() {
    let policy = Policy {
        p99_s: Some(0.25),
        ..POLICY
    };
    let at = |load, p99_s| {
        let mut seen = seen(3, load);
        seen.measured.p99_s = p99_s;
        first(&seen, &policy)
    };
    assert_eq!(at(24.0, Some(0.01)).wanted, Some(3), "the load decides");
    assert_eq!(at(24.0, Some(0.27)).wanted, Some(3), "within the band");
    assert_eq!(at(24.0, Some(0.4)).wanted, Some(5), "3 × 1.6 are 5");
    assert_eq!(
        at(24.0, Some(60.0)).wanted,
        Some(6),
        "one step at most doubles"
    );
    assert_eq!(
        at(8.0, Some(0.24)).wanted,
        Some(3),
        "fewer would be too slow"
    );
    assert_eq!(at(8.0, Some(0.0)).wanted, Some(2), "nothing was answered");
    assert_eq!(
        at(24.0, None).verdict,
        Verdict::Hold(Reason::NoMetrics),
        "a target without its figure"
    );
}

#[test]
fn what_cannot_be_known_or_must_not_be_touched_is_held() {
    let busy = seen(2, 40.0);
    let cases = [
        (
            Observation {
                is_updating: true,
                ..busy
            },
            Reason::Updating,
        ),
        (Observation { running: 1, ..busy }, Reason::NotConverged),
        (seen(0, 40.0), Reason::AtZero),
        (seen(2, f64::NAN), Reason::NoMetrics),
        (seen(2, f64::INFINITY), Reason::NoMetrics),
        (seen(2, -1.0), Reason::NoMetrics),
        (
            Observation {
                measured: Measured::default(),
                ..busy
            },
            Reason::NoMetrics,
        ),
        (
            Observation {
                measured: Measured {
                    reporting: None,
                    ..busy.measured
                },
                ..busy
            },
            Reason::NoMetrics,
        ),
    ];
    for (seen, reason) in cases {
        let decision = first(&seen, &POLICY);
        assert_eq!(decision.verdict, Verdict::Hold(reason), "{seen:?}");
    }
    assert_eq!(first(&busy, &POLICY).verdict, Verdict::Scale(4));
}

#[test]
fn who_does_not_report_can_only_mean_more() {
    let mut quiet = seen(4, 8.0);
    quiet.measured.reporting = Some(3);
    assert_eq!(
        first(&quiet, &POLICY).verdict,
        Verdict::Hold(Reason::NoMetrics)
    );
    let mut busy = seen(4, 48.0);
    busy.measured.reporting = Some(3);
    assert_eq!(first(&busy, &POLICY).verdict, Verdict::Scale(6));
}

#[test]
fn the_databases_connections_limit_growth_and_nothing_else() {
    let policy = Policy {
        connections: Some(13),
        ..POLICY
    };
    let at = |replicas, load, room| {
        let mut seen = seen(replicas, load);
        seen.measured.room = room;
        first(&seen, &policy).verdict
    };
    // Room for seven: six and one for an update.
    assert_eq!(at(3, 48.0, Some(91)), Verdict::Scale(6));
    assert_eq!(at(3, 48.0, Some(90)), Verdict::Scale(5));
    assert_eq!(at(3, 48.0, Some(64)), Verdict::Hold(Reason::Connections));
    assert_eq!(
        at(3, 48.0, Some(0)),
        Verdict::Hold(Reason::Connections),
        "no replica is taken away"
    );
    assert_eq!(
        at(1, 8.0, Some(0)),
        Verdict::Scale(2),
        "the least is the least"
    );
    assert_eq!(at(3, 48.0, None), Verdict::Hold(Reason::NoMetrics));
    assert_eq!(at(3, 24.0, None), Verdict::Keep, "nothing is to grow");
}

#[test]
fn up_waits_for_its_cool_down_and_down_for_its_window() {
    use Reason::CoolDown;
    use Verdict::{Hold, Keep, Scale};

    // Two replicas become four; 10 s later eight are wanted, 20 s later they may be had.
    let up = rounds(
        &POLICY,
        &[seen(2, 40.0), seen(4, 60.0), seen(4, 60.0), seen(4, 60.0)],
    );
    assert_eq!(up, [Scale(4), Hold(CoolDown), Hold(CoolDown), Scale(6)]);

    // Quiet from the start, with one louder round in the middle: six rounds of 10 s are the window.
    let mut quiet = vec![seen(6, 16.0); 8];
    quiet[3] = seen(6, 40.0);
    assert_eq!(
        rounds(&POLICY, &quiet),
        [
            Hold(CoolDown),
            Hold(CoolDown),
            Hold(CoolDown),
            Hold(CoolDown),
            Hold(CoolDown),
            Hold(CoolDown),
            Scale(5),
            Scale(5),
        ]
    );
    assert_eq!(rounds(&POLICY, &[seen(2, 16.0)]), [Keep]);
}

/// An update, a silence and a change by hand each begin the window for going down anew.
#[test]
fn the_window_begins_anew_after_what_was_not_seen() {
    let quiet = seen(6, 16.0);
    let updating = Observation {
        is_updating: true,
        ..quiet
    };
    let silent = Observation {
        measured: Measured::default(),
        ..quiet
    };
    for interruption in [updating, silent, seen(5, 40.0)] {
        let mut observations = vec![quiet; 5];
        observations.push(interruption);
        observations.extend([quiet; 8]);
        let verdicts = rounds(&POLICY, &observations);
        let downs: Vec<_> = verdicts
            .iter()
            .enumerate()
            .filter(|(_, verdict)| matches!(verdict, Verdict::Scale(_)))
            .map(|(round, _)| round)
            .collect();
        // The seventh round that sees the same again is 60 s after the first.
        assert_eq!(downs.first(), Some(&12), "{interruption:?}: {verdicts:?}");
    }
}

prop_compose! {
    fn policies()(
        min in 1..20_u32,
        more in 0..20_u32,
        target in 0.5..50.0_f64,
        p99_s in proptest::option::of(0.01..5.0_f64),
        up_after_s in 0..120_u64,
        down_after_s in 0..600_u64,
        connections in proptest::option::of(1..50_u32),
    ) -> Policy {
        Policy {
            min,
            max: min + more,
            target,
            p99_s,
            up_after: Duration::from_secs(up_after_s),
            down_after: Duration::from_secs(down_after_s),
            connections,
        }
    }
}

fn figure() -> impl Strategy<Value = Option<f64>> {
    proptest::option::weighted(
        0.9,
        prop_oneof![
            8 => 0.0..500.0_f64,
            1 => Just(f64::NAN),
            1 => Just(f64::INFINITY),
        ],
    )
}

prop_compose! {
    fn observations()(
        replicas in 0..40_u32,
        missing in prop_oneof![3 => Just(0), 1 => 0..5_u32],
        is_updating in proptest::bool::weighted(0.1),
        load in figure(),
        reporting in proptest::option::weighted(0.9, 0..40_u32),
        p99_s in figure(),
        room in proptest::option::weighted(0.9, 0..400_u32),
    ) -> Observation {
        Observation {
            replicas,
            running: replicas.saturating_sub(missing),
            is_updating,
            measured: Measured { load, reporting, p99_s, room },
        }
    }
}

proptest! {
    /// Whatever is seen in whatever order.
    #[test]
    fn what_is_decided_is_allowed(
        policy in policies(),
        observations in proptest::collection::vec((observations(), 0..120_u64), 1..60),
    ) {
        let mut history = History::default();
        let mut now = Duration::ZERO;
        for (seen, pause_s) in observations {
            now += Duration::from_secs(pause_s);
            let (decision, next) = decide(now, &seen, &policy, history.clone());
            let again = decide(now, &seen, &policy, history);
            prop_assert_eq!(&again, &(decision, next.clone()), "the same question, another answer");
            history = next;
            if let Some(wanted) = decision.wanted {
                prop_assert!((policy.min..=policy.max).contains(&wanted));
            }
            let Verdict::Scale(to) = decision.verdict else { continue };
            prop_assert!((policy.min..=policy.max).contains(&to), "out of bounds");
            prop_assert_ne!(to, seen.replicas, "no change");
            prop_assert!(!seen.is_updating && seen.replicas > 0);
            let measured = seen.measured;
            let is_known = |figure: Option<f64>| figure.is_some_and(f64::is_finite);
            prop_assert!(is_known(measured.load) && measured.reporting.is_some());
            prop_assert!(policy.p99_s.is_none() || is_known(measured.p99_s));
            if to > seen.replicas {
                prop_assert!(seen.running == seen.replicas);
                prop_assert!(to <= (2 * seen.replicas).max(policy.min));
                if let Some(connections) = policy.connections {
                    let needed = (to + 1) * connections;
                    prop_assert!(to == policy.min || measured.room.is_some_and(|room| needed <= room));
                }
            } else {
                prop_assert!(to >= seen.replicas.div_ceil(2).min(policy.max));
                prop_assert!(measured.reporting >= Some(seen.running));
            }
        }
    }

    /// A load that stays the same is answered by going one way, arriving, and staying there.
    #[test]
    fn a_constant_load_is_settled(
        policy in policies(),
        start in 1..40_u32,
        load in 0.0..2_000.0_f64,
        latency in proptest::option::of(0.0..2.0_f64),
    ) {
        // The time of an answer is taken to be what it is per replica, as the tracking has it.
        let policy = Policy { p99_s: latency.and(policy.p99_s), ..policy };
        let (mut replicas, mut history, mut now) = (start, History::default(), Duration::ZERO);
        let mut path = vec![start];
        let mut changed_at = now;
        // Each step may take a cool-down of each kind, and six halve 40.
        let end = (policy.up_after + policy.down_after + Duration::from_secs(20)) * 12;
        while now < end {
            let mut seen = seen(replicas, load);
            seen.measured.p99_s = latency.map(|whole| whole / f64::from(replicas));
            seen.measured.room = Some(u32::MAX);
            let (decision, next) = decide(now, &seen, &policy, history);
            history = next;
            if let Verdict::Scale(to) = decision.verdict {
                replicas = to;
                path.push(to);
                changed_at = now;
            }
            now += Duration::from_secs(10);
        }
        prop_assert!(changed_at < end / 2, "still moving: {path:?}");
        let is_rising = path.windows(2).all(|pair| pair[0] < pair[1]);
        let is_falling = path.windows(2).all(|pair| pair[0] > pair[1]);
        prop_assert!(is_rising || is_falling, "to and fro: {path:?}");
        prop_assert!((policy.min..=policy.max).contains(&replicas));
        let carried = load / f64::from(replicas);
        prop_assert!(replicas == policy.max || carried <= policy.target * 1.1001, "{carried} each");
        prop_assert!(
            policy.p99_s.is_some() || replicas == policy.min || load > f64::from(replicas - 1) * policy.target * 0.89,
            "fewer would do"
        );
    }
}

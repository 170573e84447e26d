//! How things stand after a round, and how Prometheus reads that.
//!
//! Each reading is made anew from the latest round alone, so that a service that is gone, or a swarm that
//! cannot be seen, leaves no number behind that looks like a present one.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::swarm::{NodeState, Swarm, UpdateState};

const TASKS_DESIRED: &str = "ticker_swarm_tasks_desired";
const TASKS_RUNNING: &str = "ticker_swarm_tasks_running";
const TASK_PENDING: &str = "ticker_swarm_task_pending_seconds";
const UPDATE_STATE: &str = "ticker_swarm_update_state";
const NODES: &str = "ticker_swarm_nodes";
const LAST_SEEN: &str = "ticker_swarm_last_seen_timestamp_seconds";
const REPLICAS: &str = "ticker_autoscaler_replicas";
const LOAD: &str = "ticker_autoscaler_load";
const DECISIONS: &str = "ticker_autoscaler_decisions_total";
const REACHABLE: &str = "ticker_autoscaler_reachable";

/// How things stand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    pub(crate) is_docker_reachable: bool,
    pub(crate) is_prometheus_reachable: bool,
    /// When the swarm was last seen.
    pub(crate) last_seen: Option<SystemTime>,
    /// Of each service, while the swarm can be seen.
    pub(crate) watched: BTreeMap<String, Watched>,
    /// While the swarm can be seen.
    pub(crate) nodes: BTreeMap<NodeState, u32>,
    /// Of each service that asks to be scaled and can be.
    pub(crate) scaled: BTreeMap<String, Scaled>,
    /// How the latest update of each service ended: scaling erases that from the swarm.
    ended_updates: BTreeMap<String, UpdateState>,
    /// How often each decision was taken since the start, of each service that asks to be scaled.
    decisions: BTreeMap<String, BTreeMap<Outcome, u64>>,
}

/// What is seen of a service.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    tasks_desired: u32,
    tasks_running: u32,
    pending: Duration,
    update: UpdateState,
}

/// Between what a service is scaled, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Scaled {
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) current: u32,
    pub(crate) wanted: Option<u32>,
    /// Requests in flight.
    pub(crate) load: Option<f64>,
}

macro_rules! outcomes {
    ($($(#[$said:meta])* $variant:ident = $word:literal,)+) => {
        /// What came of a look at a service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Outcome { $($(#[$said])* $variant),+ }

        impl Outcome {
            const ALL: &[Self] = &[$(Self::$variant),+];

            /// As a label has it.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

outcomes! {
    Up = "up",
    Down = "down",
    /// There are as many replicas as are wanted.
    Unchanged = "unchanged",
    /// The swarm did not take it, or did not answer.
    Failed = "failed",
    HeldUpdating = "held_updating",
    HeldNoMetrics = "held_no_metrics",
    HeldNotConverged = "held_not_converged",
    HeldConnections = "held_connections",
    HeldCoolDown = "held_cool_down",
    HeldAtZero = "held_at_zero",
    HeldBadPolicy = "held_bad_policy",
    HeldDryRun = "held_dry_run",
    /// Somebody else changed the service between reading and writing.
    HeldOvertaken = "held_overtaken",
}

impl Status {
    /// Takes over what is seen of the swarm at `now`.
    pub(crate) fn see(&mut self, swarm: &Swarm, now: SystemTime) {
        self.last_seen = Some(now);
        let is_there = |name: &String| swarm.services.contains_key(name);
        self.ended_updates.retain(|name, _| is_there(name));
        for (name, service) in &swarm.services {
            let watched = Watched {
                tasks_desired: service.tasks_desired,
                tasks_running: service.tasks_running,
                pending: service.pending,
                update: self.latest_update(name, service.update),
            };
            self.watched.insert(name.clone(), watched);
        }
        self.nodes.clone_from(&swarm.nodes);
    }

    /// What is known of the latest update that was one: a rollback is news until the next release, however
    /// often the service is scaled before that.
    fn latest_update(&mut self, service: &str, seen: UpdateState) -> UpdateState {
        match seen {
            UpdateState::None => {
                let ended = self.ended_updates.get(service).copied();
                return ended.unwrap_or(UpdateState::None);
            }
            UpdateState::Completed | UpdateState::RollbackCompleted => {
                self.ended_updates.insert(service.to_owned(), seen);
            }
            _ => {
                self.ended_updates.remove(service);
            }
        }
        seen
    }

    /// Counts what came of a look at a service; from the first on, all that could are there.
    pub(crate) fn count(&mut self, service: &str, outcome: Outcome) {
        let counts = self
            .decisions
            .entry(service.to_owned())
            .or_insert_with(|| Outcome::ALL.iter().map(|outcome| (*outcome, 0)).collect());
        *counts.entry(outcome).or_default() += 1;
    }

    /// What Prometheus reads.
    pub(crate) fn render(&self) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        with_local_recorder(&recorder, || {
            describe();
            self.record();
        });
        recorder.handle().render()
    }

    fn record(&self) {
        let last_seen = self
            .last_seen
            .and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        gauge!(LAST_SEEN).set(last_seen.unwrap_or_default().as_secs_f64());
        gauge!(REACHABLE, "peer" => "docker").set(one_if(self.is_docker_reachable));
        gauge!(REACHABLE, "peer" => "prometheus").set(one_if(self.is_prometheus_reachable));
        for (service, counts) in &self.decisions {
            for (outcome, count) in counts {
                let labels = [
                    ("service", service.clone()),
                    ("outcome", outcome.as_str().to_owned()),
                ];
                counter!(DECISIONS, &labels).absolute(*count);
            }
        }
        if !self.is_docker_reachable {
            return;
        }
        for (service, watched) in &self.watched {
            let of = [("service", service.clone())];
            gauge!(TASKS_DESIRED, &of).set(watched.tasks_desired);
            gauge!(TASKS_RUNNING, &of).set(watched.tasks_running);
            gauge!(TASK_PENDING, &of).set(watched.pending);
            for state in UpdateState::ALL {
                let labels = [
                    ("service", service.clone()),
                    ("state", state.as_str().to_owned()),
                ];
                gauge!(UPDATE_STATE, &labels).set(one_if(*state == watched.update));
            }
        }
        for state in NodeState::ALL {
            let nodes = self.nodes.get(state).copied().unwrap_or_default();
            gauge!(NODES, "state" => state.as_str()).set(nodes);
        }
        for (service, scaled) in &self.scaled {
            let bounds = [
                ("min", Some(scaled.min)),
                ("max", Some(scaled.max)),
                ("current", Some(scaled.current)),
                ("wanted", scaled.wanted),
            ];
            for (bound, replicas) in bounds {
                if let Some(replicas) = replicas {
                    let labels = [("service", service.clone()), ("bound", bound.to_owned())];
                    gauge!(REPLICAS, &labels).set(replicas);
                }
            }
            if let Some(load) = scaled.load {
                gauge!(LOAD, "service" => service.clone()).set(load);
            }
        }
    }
}

fn one_if(is_so: bool) -> u8 {
    u8::from(is_so)
}

fn describe() {
    let gauges = [
        (
            TASKS_DESIRED,
            Unit::Count,
            "Tasks that are to run; of a job none, since it ends",
        ),
        (
            TASKS_RUNNING,
            Unit::Count,
            "Tasks that run, and are healthy if they can tell",
        ),
        (
            TASK_PENDING,
            Unit::Seconds,
            "Age of the oldest task without a node; 0 for none",
        ),
        (
            UPDATE_STATE,
            Unit::Count,
            "1 for how far the latest update is, which scaling is not one of",
        ),
        (
            NODES,
            Unit::Count,
            "Nodes, by whether the managers hear of them",
        ),
        (
            LAST_SEEN,
            Unit::Seconds,
            "When the swarm was last seen; without it no other ticker_swarm_* is there",
        ),
        (
            REPLICAS,
            Unit::Count,
            "Replicas: the bounds, how many there are, how many the load asks for",
        ),
        (
            LOAD,
            Unit::Count,
            "Requests in flight in all, averaged over 30 s",
        ),
        (
            REACHABLE,
            Unit::Count,
            "1 if the last question was answered",
        ),
    ];
    for (name, unit, meaning) in gauges {
        describe_gauge!(name, unit, meaning);
    }
    describe_counter!(
        DECISIONS,
        Unit::Count,
        "What came of each look at a service that asks to be scaled"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_does_not_erase_how_an_update_ended() {
        use UpdateState::{Completed, None, RollbackCompleted, Updating};

        let mut status = Status::default();
        let mut shown = Vec::new();
        for seen in [
            None,
            Updating,
            None,
            Updating,
            RollbackCompleted,
            None,
            None,
            Updating,
            Completed,
            None,
        ] {
            shown.push(status.latest_update("app", seen));
        }
        assert_eq!(
            shown,
            [
                None,
                Updating,
                None,
                Updating,
                RollbackCompleted,
                RollbackCompleted,
                RollbackCompleted,
                Updating,
                Completed,
                Completed,
            ]
        );
        assert_eq!(status.latest_update("db", None), None);
    }

    #[test]
    fn counts_stay_and_what_is_not_seen_is_not_shown() {
        let mut status = Status::default();
        let text = status.render();
        assert!(
            text.contains("ticker_swarm_last_seen_timestamp_seconds 0\n"),
            "{text}"
        );
        assert!(
            text.contains("ticker_autoscaler_reachable{peer=\"docker\"} 0\n"),
            "{text}"
        );
        assert!(!text.contains("ticker_swarm_nodes"), "{text}");

        status.is_docker_reachable = true;
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
        let swarm = Swarm {
            nodes: [(NodeState::Down, 1)].into(),
            ..Swarm::default()
        };
        status.see(&swarm, at);
        status.count("app", Outcome::Up);
        let scaled = Scaled {
            min: 2,
            max: 6,
            current: 3,
            wanted: None,
            load: Some(4.5),
        };
        status.scaled.insert("app".to_owned(), scaled);
        let text = status.render();
        for line in [
            "ticker_swarm_last_seen_timestamp_seconds 1.5\n",
            "ticker_swarm_nodes{state=\"down\"} 1\n",
            "ticker_swarm_nodes{state=\"ready\"} 0\n",
            "ticker_autoscaler_decisions_total{service=\"app\",outcome=\"up\"} 1\n",
            "ticker_autoscaler_decisions_total{service=\"app\",outcome=\"held_no_metrics\"} 0\n",
            "ticker_autoscaler_replicas{service=\"app\",bound=\"current\"} 3\n",
            "ticker_autoscaler_load{service=\"app\"} 4.5\n",
        ] {
            assert!(text.contains(line), "no {line}in:\n{text}");
        }
        assert!(!text.contains("wanted"), "{text}");

        status.is_docker_reachable = false;
        let text = status.render();
        assert!(
            !text.contains("ticker_swarm_nodes") && !text.contains("bound="),
            "{text}"
        );
        assert!(text.contains("outcome=\"up\"} 1\n"), "{text}");
    }
}

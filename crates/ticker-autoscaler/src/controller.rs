//! The rounds: look, decide, write, say.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::decision::{Decision, History, Measured, Observation, Reason, Verdict, decide};
use crate::docker::{Docker, Write};
use crate::exchange::Failure;
use crate::policy::{BadPolicy, Policy};
use crate::prometheus::Prometheus;
use crate::status::{Outcome, Scaled, Status};
use crate::swarm::{Service, Swarm};

/// Who is asked, as what was said of them is remembered; no service has such a name.
const DOCKER: &str = "the engine";
const PROMETHEUS: &str = "the figures";

/// Watches a stack, and scales what asks for it.
pub(crate) struct Controller {
    docker: Docker,
    prometheus: Prometheus,
    is_dry_run: bool,
    began: Instant,
    /// Of each service that is scaled.
    histories: BTreeMap<String, History>,
    /// What was last said of each, so that it is said once.
    said: BTreeMap<String, String>,
    /// What the metrics show, as it stands after a round.
    status: Status,
}

impl Controller {
    /// Asks nobody yet.
    pub(crate) fn new(docker: Docker, prometheus: Prometheus, is_dry_run: bool) -> Self {
        Self {
            docker,
            prometheus,
            is_dry_run,
            began: Instant::now(),
            histories: BTreeMap::new(),
            said: BTreeMap::new(),
            status: Status::default(),
        }
    }

    /// A round every `period`, each shown to `shown`. Never ends.
    pub(crate) async fn run(mut self, period: Duration, shown: watch::Sender<Status>) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.round(SystemTime::now()).await;
            shown.send_replace(self.status.clone());
        }
    }

    async fn round(&mut self, wall_clock: SystemTime) {
        self.status.watched.clear();
        self.status.nodes.clear();
        self.status.scaled.clear();
        match self.docker.observe(wall_clock).await {
            Ok(swarm) => {
                self.say(DOCKER, "reachable".to_owned(), || {
                    tracing::info!("the swarm can be seen");
                });
                self.status.is_docker_reachable = true;
                self.status.see(&swarm, wall_clock);
                self.attend(&swarm).await;
            }
            Err(failure) => {
                self.say(DOCKER, "unreachable".to_owned(), || {
                    tracing::error!(%failure, "the swarm cannot be seen: nothing is scaled");
                });
                self.status.is_docker_reachable = false;
                self.histories.values_mut().for_each(History::forget_wanted);
            }
        }
    }

    /// Goes through the services that ask to be scaled.
    async fn attend(&mut self, swarm: &Swarm) {
        let is_there = |name: &String| swarm.services.contains_key(name);
        self.histories.retain(|name, _| is_there(name));
        for (name, service) in &swarm.services {
            match (&service.policy, service.replicas) {
                (Ok(Some(policy)), Some(replicas)) => {
                    self.scale(name, service, policy, replicas).await;
                }
                (Err(problem), _) => self.refuse(name, problem),
                _ => {}
            }
        }
    }

    fn refuse(&mut self, name: &str, problem: &BadPolicy) {
        self.histories.remove(name);
        self.status.count(name, Outcome::HeldBadPolicy);
        self.say(name, problem.to_string(), || {
            tracing::error!(service = name, %problem, "not scaled: its labels cannot be followed");
        });
    }

    async fn scale(&mut self, name: &str, service: &Service, policy: &Policy, replicas: u32) {
        let seen = Observation {
            replicas,
            running: service.tasks_running,
            is_updating: service.update.is_open(),
            measured: self.measure(policy).await,
        };
        let history = self.histories.remove(name).unwrap_or_default();
        let (decision, history) = decide(self.began.elapsed(), &seen, policy, history);
        self.histories.insert(name.to_owned(), history);
        let outcome = match decision.verdict {
            Verdict::Keep => Outcome::Unchanged,
            Verdict::Hold(reason) => reason.into(),
            Verdict::Scale(_) if self.is_dry_run => Outcome::HeldDryRun,
            Verdict::Scale(to) => self.write(name, service, replicas, to).await,
        };
        self.status.count(name, outcome);
        let current = match (outcome, decision.verdict) {
            (Outcome::Up | Outcome::Down, Verdict::Scale(to)) => to,
            _ => replicas,
        };
        self.status.scaled.insert(
            name.to_owned(),
            Scaled {
                min: policy.min,
                max: policy.max,
                current,
                wanted: decision.wanted,
                load: seen.measured.load,
            },
        );
        self.tell(name, &seen, decision, outcome);
    }

    /// The figures that `policy` needs; none while Prometheus does not answer.
    async fn measure(&mut self, policy: &Policy) -> Measured {
        match self.prometheus.measure(policy).await {
            Ok(measured) => {
                self.say(PROMETHEUS, "reachable".to_owned(), || {
                    tracing::info!("Prometheus answers");
                });
                self.status.is_prometheus_reachable = true;
                measured
            }
            Err(failure) => {
                self.say(PROMETHEUS, "unreachable".to_owned(), || {
                    tracing::error!(%failure, "Prometheus does not answer: nothing is scaled");
                });
                self.status.is_prometheus_reachable = false;
                Measured::default()
            }
        }
    }

    async fn write(&mut self, name: &str, service: &Service, from: u32, to: u32) -> Outcome {
        match self.docker.scale(&service.written, to).await {
            Ok(Write::Done) if to > from => Outcome::Up,
            Ok(Write::Done) => Outcome::Down,
            Ok(Write::Overtaken) => Outcome::HeldOvertaken,
            Err(failure) => {
                self.say_failure(name, from, to, &failure);
                Outcome::Failed
            }
        }
    }

    fn say_failure(&mut self, name: &str, from: u32, to: u32, failure: &Failure) {
        self.say(name, format!("failed: {failure}"), || {
            tracing::error!(service = name, from, to, %failure, "could not be scaled");
        });
    }

    /// Logs what came of a decision, once for as long as it stays the same.
    fn tell(&mut self, name: &str, seen: &Observation, decision: Decision, outcome: Outcome) {
        let Observation {
            replicas,
            running,
            measured,
            ..
        } = *seen;
        let Measured {
            load, p99_s, room, ..
        } = measured;
        let wanted = decision.wanted;
        match (outcome, decision.verdict) {
            (Outcome::Up | Outcome::Down, Verdict::Scale(to)) => {
                self.said.remove(name);
                tracing::info!(
                    service = name,
                    from = replicas,
                    to,
                    load,
                    p99_s,
                    room,
                    "scaled"
                );
            }
            (Outcome::HeldDryRun, Verdict::Scale(to)) => {
                self.say(name, format!("dry run: {replicas} to {to}"), || {
                    tracing::info!(
                        service = name,
                        from = replicas,
                        to,
                        load,
                        p99_s,
                        room,
                        "would be scaled: this is a dry run"
                    );
                });
            }
            // It has been said with its reason.
            (Outcome::Failed, _) => {}
            _ => {
                let outcome = outcome.as_str();
                self.say(name, outcome.to_owned(), || {
                    tracing::info!(
                        service = name,
                        outcome,
                        replicas,
                        running,
                        wanted,
                        load,
                        p99_s,
                        room,
                        "left as it is"
                    );
                });
            }
        }
    }

    /// Logs by `log` unless the last that was said of `whom` was the same.
    fn say(&mut self, whom: &str, what: String, log: impl FnOnce()) {
        if self.said.get(whom) != Some(&what) {
            log();
            self.said.insert(whom.to_owned(), what);
        }
    }
}

impl From<Reason> for Outcome {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Updating => Self::HeldUpdating,
            Reason::NoMetrics => Self::HeldNoMetrics,
            Reason::NotConverged => Self::HeldNotConverged,
            Reason::Connections => Self::HeldConnections,
            Reason::CoolDown => Self::HeldCoolDown,
            Reason::AtZero => Self::HeldAtZero,
        }
    }
}

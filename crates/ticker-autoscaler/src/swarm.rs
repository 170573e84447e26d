//! The swarm as it was seen in a round, read from the Docker API's answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::policy::{BadPolicy, Policy};

/// The label that a stack puts on its services and tasks.
pub(crate) const STACK_LABEL: &str = "com.docker.stack.namespace";

/// Everything that is seen in a round.
#[derive(Debug, Default)]
pub(crate) struct Swarm {
    /// The stack's services, by their names without its prefix.
    pub(crate) services: BTreeMap<String, Service>,
    /// How many nodes are in each state.
    pub(crate) nodes: BTreeMap<NodeState, u32>,
}

/// A service of the stack.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its number of replicas, if that is how it is run.
    pub(crate) replicas: Option<u32>,
    /// How many tasks are to run. Of a job none is: it ends; and of what is restarted only when it fails none
    /// is once it has ended well.
    pub(crate) tasks_desired: u32,
    /// How many of these run, which with a health check means that they are healthy.
    pub(crate) tasks_running: u32,
    /// How long the oldest task has waited for a node.
    pub(crate) pending: Duration,
    pub(crate) update: UpdateState,
    /// How it is to be scaled, if its labels ask for it.
    pub(crate) policy: Result<Option<Policy>, BadPolicy>,
    /// What a write of its specification goes by.
    pub(crate) written: Written,
}

/// A service's specification as it was read.
#[derive(Debug)]
pub(crate) struct Written {
    /// The whole name, which the API knows it by.
    pub(crate) name: String,
    /// The version that a write replaces.
    pub(crate) version: u64,
    /// Each member as it came: a model of it would lose what it does not know yet.
    specification: BTreeMap<String, Box<RawValue>>,
}

impl Written {
    /// The specification with another number of replicas; everything else byte for byte as it was read.
    ///
    /// # Errors
    /// None that is known: these are texts and a number.
    pub(crate) fn with_replicas(&self, replicas: u32) -> serde_json::Result<Vec<u8>> {
        let mode = serde_json::json!({ "Replicated": { "Replicas": replicas } });
        let mode = serde_json::value::to_raw_value(&mode)?;
        let mut members: BTreeMap<&str, &RawValue> = self
            .specification
            .iter()
            .map(|(name, member)| (name.as_str(), &**member))
            .collect();
        members.insert(MODE, &mode);
        serde_json::to_vec(&members)
    }
}

macro_rules! states {
    ($(#[$meta:meta])* $name:ident { $($(#[$said:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($(#[$said])* $variant),+ }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            /// As a label has it, and Docker.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|state| state.as_str() == word)
            }
        }
    };
}

states! {
    /// How far the latest update of a service is. After scaling it the swarm knows of none.
    UpdateState {
        None = "none",
        Updating = "updating",
        Paused = "paused",
        Completed = "completed",
        RollbackStarted = "rollback_started",
        RollbackPaused = "rollback_paused",
        RollbackCompleted = "rollback_completed",
    }
}

impl UpdateState {
    /// Whether a change now would come between an update and its end.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::None | Self::Completed | Self::RollbackCompleted)
    }
}

states! {
    /// Whether the managers hear of a node.
    NodeState {
        Ready = "ready",
        Down = "down",
        Disconnected = "disconnected",
        Unknown = "unknown",
    }
}

const LABELS: &str = "Labels";
const MODE: &str = "Mode";
const TASK: &str = "TaskTemplate";

/// What `GET /services` says of each.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ServiceAnswer {
    #[serde(rename = "ID")]
    id: String,
    version: Version,
    spec: BTreeMap<String, Box<RawValue>>,
    update_status: Option<UpdateStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version {
    index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateStatus {
    #[serde(default)]
    state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mode {
    replicated: Option<Replicated>,
    global: Option<Empty>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Replicated {
    replicas: Option<u32>,
}

#[derive(Deserialize)]
struct Empty {}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskTemplate {
    #[serde(default)]
    restart_policy: RestartPolicy,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RestartPolicy {
    #[serde(default)]
    condition: String,
}

/// What `GET /tasks` says of each.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TaskAnswer {
    #[serde(rename = "ServiceID")]
    service_id: String,
    #[serde(rename = "NodeID", default)]
    node_id: String,
    created_at: Timestamp,
    #[serde(default)]
    desired_state: String,
    status: TaskStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskStatus {
    #[serde(default)]
    state: String,
}

impl TaskAnswer {
    /// It is to run, or about to (a restarted task waits as `ready` for its turn), or, of a job, to end well.
    fn is_wanted(&self) -> bool {
        matches!(
            self.desired_state.as_str(),
            "running" | "ready" | "complete"
        )
    }

    fn is_running(&self) -> bool {
        self.desired_state == "running" && self.status.state == "running"
    }

    /// No node has been found for it.
    fn is_pending(&self) -> bool {
        self.is_wanted() && matches!(self.status.state.as_str(), "new" | "allocated" | "pending")
    }
}

/// What `GET /nodes` says of each.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct NodeAnswer {
    status: NodeStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeStatus {
    #[serde(default)]
    state: String,
}

impl Swarm {
    /// Puts the answers together. `stack` is the name of the stack that the services are of.
    ///
    /// # Errors
    /// When a specification is not what the API's reference says.
    pub(crate) fn read(
        services: Vec<ServiceAnswer>,
        tasks: &[TaskAnswer],
        nodes: &[NodeAnswer],
        stack: &str,
        now: SystemTime,
    ) -> serde_json::Result<Self> {
        let mut swarm = Self::default();
        for answer in services {
            let tasks: Vec<_> = tasks
                .iter()
                .filter(|task| task.service_id == answer.id)
                .collect();
            let service = Service::read(answer, &tasks, now)?;
            let whole = &service.written.name;
            let prefix = whole.strip_prefix(stack);
            let name = prefix.and_then(|rest| rest.strip_prefix('_'));
            swarm
                .services
                .insert(name.unwrap_or(whole).to_owned(), service);
        }
        for node in nodes {
            let state = NodeState::parse(&node.status.state).unwrap_or(NodeState::Unknown);
            *swarm.nodes.entry(state).or_default() += 1;
        }
        Ok(swarm)
    }
}

impl Service {
    fn read(
        answer: ServiceAnswer,
        tasks: &[&TaskAnswer],
        now: SystemTime,
    ) -> serde_json::Result<Self> {
        let specification = answer.spec;
        let name = member(&specification, "Name")?.unwrap_or(answer.id);
        let labels: BTreeMap<String, String> = member(&specification, LABELS)?.unwrap_or_default();
        let mode: Option<Mode> = member(&specification, MODE)?;
        // The API takes a service without a number for one replica.
        let replicas = mode
            .as_ref()
            .and_then(|mode| mode.replicated.as_ref())
            .map(|replicated| replicated.replicas.unwrap_or(1));
        let is_global = mode.is_some_and(|mode| mode.global.is_some());
        let nodes: BTreeSet<&str> = tasks
            .iter()
            .filter(|task| is_global && task.is_wanted())
            .map(|task| task.node_id.as_str())
            .collect();
        let template: TaskTemplate = member(&specification, TASK)?.unwrap_or_default();
        let newest = tasks.iter().max_by_key(|task| task.created_at);
        let is_done = template.restart_policy.condition == "on-failure"
            && newest.is_some_and(|task| task.status.state == "complete");
        let tasks_desired = match replicas {
            _ if is_done => 0,
            Some(replicas) => replicas,
            None => count(nodes.len()),
        };
        let policy = match Policy::read(&labels) {
            Ok(Some(_)) if replicas.is_none() => Err(BadPolicy::not_replicated()),
            policy => policy,
        };
        Ok(Self {
            replicas,
            tasks_desired,
            tasks_running: count(tasks.iter().filter(|task| task.is_running()).count()),
            pending: tasks
                .iter()
                .filter(|task| task.is_pending())
                .filter_map(|task| now.duration_since(task.created_at.into()).ok())
                .max()
                .unwrap_or_default(),
            update: answer
                .update_status
                .and_then(|status| UpdateState::parse(&status.state))
                .unwrap_or(UpdateState::None),
            policy,
            written: Written {
                name,
                version: answer.version.index,
                specification,
            },
        })
    }
}

/// A member of a specification; `None` if it is not there or null.
fn member<T: for<'a> Deserialize<'a>>(
    specification: &BTreeMap<String, Box<RawValue>>,
    name: &str,
) -> serde_json::Result<Option<T>> {
    match specification.get(name) {
        Some(raw) => serde_json::from_str(raw.get()),
        None => Ok(None),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

//! The swarm and what Ticker's stack does in it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::docker::Docker;
use super::nodes::{Node, Nodes};

/// What `deploy/ticker-stack` calls the stack; its services' names begin with it.
pub(crate) const STACK: &str = "ticker";
/// Where the proxy's own authority has its certificate.
const CERTIFICATE: &str = "/data/caddy/pki/authorities/local/root.crt";

/// The swarm, asked through one of its managers.
pub(crate) struct Swarm {
    nodes: Nodes,
    manager: Docker,
}

/// A service of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// Without the stack's name: `app`.
    pub(crate) name: String,
    pub(crate) replicas: Replicas,
    /// What its latest update has come to, such as `completed` or `rollback_completed`.
    pub(crate) update: Option<String>,
    /// The image with its tag.
    pub(crate) image: String,
}

/// How many tasks run, and how many are to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replicas {
    pub(crate) running: u32,
    pub(crate) desired: u32,
    /// It is there to do something once, and has done it.
    pub(crate) is_completed: bool,
}

/// A container of a task that is running.
pub(crate) struct Container {
    node: Node,
    id: String,
}

impl Swarm {
    /// The lab's swarm, through the first node that has power.
    ///
    /// # Errors
    /// When there is no lab or none of its nodes answers.
    pub(crate) fn find() -> Result<Self> {
        let nodes = Nodes::find()?;
        let manager = nodes.first_that_answers()?.docker();
        Ok(Self { nodes, manager })
    }

    /// The services of the stack, by name.
    ///
    /// # Errors
    /// When the swarm has no leader.
    pub(crate) fn services(&self) -> Result<Vec<Service>> {
        let filter = format!("label=com.docker.stack.namespace={STACK}");
        let listed = self.manager.list(&["service", "ls", "--filter", &filter])?;
        let mut services = Vec::new();
        for listed in listed {
            let id = listed["ID"].as_str().unwrap_or_default();
            let inspected = self.manager.ask(&["service", "inspect", id])?;
            let inspected = serde_json::from_str(&inspected).context("docker prints no JSON")?;
            let service = service(&listed, &inspected);
            let mut service = service.context("docker describes services in another way")?;
            if is_done_once(&inspected) {
                let newest = ["service", "ps", "--format", "{{.CurrentState}}", id];
                let newest = self.manager.ask(&newest)?;
                service.replicas.is_completed = newest.starts_with("Complete");
            }
            services.push(service);
        }
        services.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(services)
    }

    /// The container of a service's running task; of the first, if there are several.
    ///
    /// # Errors
    /// When none runs.
    pub(crate) fn container(&self, service: &str) -> Result<Container> {
        let name = format!("{STACK}_{service}");
        let filter = "--filter=desired-state=running";
        let format = "--format={{.ID}} {{.Node}}";
        let tasks = ["service", "ps", "--no-trunc", filter, format, &name];
        let tasks = self.manager.ask(&tasks)?;
        let task = tasks.lines().next().and_then(|line| line.split_once(' '));
        let (task, node) = task.with_context(|| format!("no task of {name} runs"))?;
        let format = "--format={{.Status.ContainerStatus.ContainerID}}";
        let id = self
            .manager
            .ask(&["inspect", "--type=task", format, task])?;
        Ok(Container {
            node: self.nodes.named(node)?,
            id,
        })
    }

    /// Lets the database execute SQL as its superuser and returns its answer, unaligned and without headings.
    ///
    /// # Errors
    /// With the database's message.
    pub(crate) fn sql(&self, statement: &str) -> Result<String> {
        self.sql_in("ticker", statement)
    }

    /// The same in another of its databases.
    ///
    /// # Errors
    /// With the database's message.
    pub(crate) fn sql_in(&self, database: &str, statement: &str) -> Result<String> {
        let psql =
            "psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 --dbname";
        let mut arguments: Vec<&str> = psql.split_whitespace().collect();
        arguments.extend([database, "--command", statement]);
        // pg_hba.conf lets the superuser in by the socket, if that is who the process belongs to.
        self.container("db")?.execute_as("postgres", &arguments)
    }

    /// Writes the certificate of the proxy's own authority to a file.
    ///
    /// # Errors
    /// When the proxy has none yet.
    pub(crate) fn save_certificate(&self, file: &Path) -> Result<()> {
        let certificate = self.container("proxy")?.execute(&["cat", CERTIFICATE])?;
        fs::write(file, certificate).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Nodes and services for people to read.
    ///
    /// # Errors
    /// When the swarm has no leader.
    pub(crate) fn describe(&self) -> Result<String> {
        let mut text = self.manager.ask(&["node", "ls"])?;
        text.push_str("\n\n");
        for service in self.services()? {
            let Service {
                name,
                replicas,
                update,
                image,
            } = service;
            let state = match (replicas.is_completed, &update) {
                (true, _) => "completed",
                (false, Some(update)) => update,
                (false, None) => "",
            };
            let replicas = format!("{}/{}", replicas.running, replicas.desired);
            writeln!(text, "{name:18} {replicas:6} {state:18} {image}")?;
        }
        Ok(text)
    }
}

impl Container {
    /// Executes a program in it and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with the end of what it said.
    pub(crate) fn execute(&self, arguments: &[&str]) -> Result<String> {
        self.exec(&[], arguments)
    }

    fn execute_as(&self, user: &str, arguments: &[&str]) -> Result<String> {
        self.exec(&["--user", user], arguments)
    }

    fn exec(&self, options: &[&str], arguments: &[&str]) -> Result<String> {
        let words = [&["exec"], options, &[&self.id], arguments].concat();
        self.node.docker().ask(&words)
    }
}

/// A service as `docker service ls` and `docker service inspect` describe it.
fn service(listed: &Value, inspected: &Value) -> Option<Service> {
    let name = listed["Name"].as_str()?;
    let name = name.strip_prefix(STACK)?.strip_prefix('_')?;
    let update = inspected[0]["UpdateStatus"]["State"].as_str();
    Some(Service {
        name: name.to_owned(),
        replicas: replicas(listed["Replicas"].as_str()?)?,
        update: update.map(str::to_owned),
        image: listed["Image"].as_str()?.to_owned(),
    })
}

/// Whether a service's tasks are to end by themselves.
fn is_done_once(inspected: &Value) -> bool {
    let policy = &inspected[0]["Spec"]["TaskTemplate"]["RestartPolicy"];
    policy["Condition"].as_str() == Some("on-failure")
}

/// `2/3` or `1/1 (max 1 per node)`.
fn replicas(text: &str) -> Option<Replicas> {
    let counts = text.split_once(' ').map_or(text, |(counts, _)| counts);
    let (running, desired) = counts.split_once('/')?;
    Some(Replicas {
        running: running.parse().ok()?,
        desired: desired.parse().ok()?,
        is_completed: false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn replicas_are_understood_as_docker_prints_them() {
        for (text, wanted) in [("2/3", (2, 3)), ("1/1 (max 1 per node)", (1, 1))] {
            let found = replicas(text).expect(text);
            assert_eq!((found.running, found.desired), wanted, "{text}");
        }
        assert_eq!(replicas("global"), None);
    }

    #[test]
    fn services_lose_the_stacks_name_and_keep_the_state_of_their_update() {
        let listed = json!({ "Name": "ticker_app", "Replicas": "2/2", "Image": "ticker:v1" });
        let state = |inspected| service(&listed, &inspected).expect("a service").update;
        let updated = json!([{ "UpdateStatus": { "State": "rollback_completed" } }]);
        assert_eq!(state(updated).as_deref(), Some("rollback_completed"));
        assert_eq!(state(json!([{}])), None);
        assert_eq!(
            service(&listed, &json!([{}])).expect("a service").name,
            "app"
        );
        let policy = |condition| json!([{ "Spec": { "TaskTemplate": { "RestartPolicy": { "Condition": condition } } } }]);
        assert!(is_done_once(&policy("on-failure")) && !is_done_once(&policy("any")));
        let other = json!({ "Name": "tickerapp", "Replicas": "2/2", "Image": "ticker:v1" });
        assert_eq!(service(&other, &json!([{}])), None);
    }
}

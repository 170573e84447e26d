//! The tasks of a service, as the swarm sees them.

use anyhow::{Context, Result};

use crate::lab::docker::Docker;
use crate::lab::swarm::STACK;

/// A task of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) id: String,
    /// The node's name; empty before it has one.
    pub(super) node: String,
    /// Whether the swarm wants it to run.
    pub(super) is_wanted: bool,
    /// Whether it runs, and is healthy if its health is looked at.
    pub(super) is_running: bool,
}

/// All tasks of a service that the swarm still knows, the latest first.
///
/// # Errors
/// When there is no such service or the swarm has no leader.
pub(super) fn of(manager: &Docker, service: &str) -> Result<Vec<Task>> {
    let name = format!("{STACK}_{service}");
    let format = "--format={{.ID}}|{{.Node}}|{{.DesiredState}}|{{.CurrentState}}";
    let said = manager.ask(&["service", "ps", "--no-trunc", format, &name])?;
    let tasks = said.lines().map(task).collect::<Option<Vec<_>>>();
    tasks.context("docker describes tasks in another way")
}

fn task(line: &str) -> Option<Task> {
    let mut fields = line.split('|');
    let mut next = || fields.next();
    Some(Task {
        id: next()?.to_owned(),
        node: next()?.to_owned(),
        is_wanted: next()? == "Running",
        is_running: next()?.starts_with("Running"),
    })
}

impl Task {
    /// Whether it is as it should be.
    pub(super) fn is_well(&self) -> bool {
        self.is_wanted && self.is_running
    }

    /// The id of its container on its node.
    ///
    /// # Errors
    /// When it has none.
    pub(super) fn container(&self, manager: &Docker) -> Result<String> {
        let format = "--format={{.Status.ContainerStatus.ContainerID}}";
        manager.ask(&["inspect", "--type=task", format, &self.id])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_well_when_it_is_wanted_and_runs() {
        for (line, is_well) in [
            ("a|node1|Running|Running 5 seconds ago", true),
            ("a|node1|Running|Starting 1 second ago", false),
            ("a|node1|Shutdown|Running 5 seconds ago", false),
            ("a||Running|Pending 2 minutes ago", false),
        ] {
            assert_eq!(task(line).expect(line).is_well(), is_well, "{line}");
        }
        assert_eq!(task("a|node1"), None);
    }
}

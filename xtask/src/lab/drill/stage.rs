//! What a drill is played on: the lab with Ticker deployed, accounts, a certificate and the load generator.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Options;
use super::tasks::{self, Task};
use super::web;
use crate::drill::acknowledgements::Fault;
use crate::drill::load::Load;
use crate::drill::pause::now_ms;
use crate::lab::deploy;
use crate::lab::docker::Docker;
use crate::lab::nodes::{Node, Nodes};
use crate::lab::registry;
use crate::lab::release::Release;
use crate::lab::swarm::{STACK, Service, Swarm};
use crate::lab::wait;
use crate::process::{self, SaidItself};
use crate::progress::{self, Step};
use crate::secrets;
use crate::workspace::Workspace;

/// The lab and what is used of it.
pub(super) struct Stage<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    loadgen: PathBuf,
    nodes: Nodes,
    swarm: Swarm,
    is_short: bool,
    is_control: bool,
}

/// What the steady state runs.
pub(super) const RELEASE: Release = Release::V1;
const LOADGEN: &str = "ticker-loadgen";
/// In so many replicas.
const REPLICAS: u32 = 2;
/// Their passwords are theirs for as long as the lab's database is.
const ACCOUNTS: u32 = 6;
/// The swarm starts again whatever was lost within this, pulling images included.
pub(super) const PATIENCE: Duration = Duration::from_mins(3);
/// What people do at the same time: those who read and press, and those who fill in forms.
const FULL: [&str; 6] = ["--clients", "64", "--rate", "150", "--slow", "8"];
const SHORT: [&str; 6] = ["--clients", "24", "--rate", "50", "--slow", "4"];
/// Longer than any outage that is drilled.
const GIVE_UP: &str = "150s";

impl<'a> Stage<'a> {
    /// Builds the load generator and makes what it needs.
    ///
    /// # Errors
    /// When there is no lab, or Ticker cannot be deployed to it.
    pub(super) fn set(workspace: &'a Workspace, options: &Options) -> Result<Self> {
        let loadgen = match &options.programs {
            Some(programs) => programs.join(LOADGEN),
            None => build(workspace)?,
        };
        let folder = workspace.target.join("lab/drill");
        fs::create_dir_all(&folder).context("cannot make the folder of drills")?;
        Ok(Self {
            workspace,
            folder,
            loadgen,
            nodes: Nodes::find()?,
            swarm: Swarm::find()?,
            is_short: options.is_short,
            is_control: options.is_control,
        })
    }

    /// Where everything is kept that was said.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether to do only as much as shows that it holds, with a load that programs without optimisation bear.
    pub(super) fn is_short(&self) -> bool {
        self.is_short
    }

    /// Whether to break on purpose what the drill guards.
    pub(super) fn is_control(&self) -> bool {
        self.is_control
    }

    /// The checkout.
    pub(super) fn workspace(&self) -> &Workspace {
        self.workspace
    }

    /// The nodes, whether they have power or not.
    pub(super) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// The swarm.
    pub(super) fn swarm(&self) -> &Swarm {
        &self.swarm
    }

    /// The engine of a manager, which no drill takes away.
    pub(super) fn manager(&self) -> Docker {
        self.nodes.first().docker()
    }

    /// Asks the manager.
    ///
    /// # Errors
    /// When it refuses, in its words.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<String> {
        self.manager().ask(arguments)
    }

    // ---- the steady state ---------------------------------------------------------------------------

    /// Brings back what drills take away: power, network, the release and its replicas.
    ///
    /// # Errors
    /// When it does not come back.
    pub(super) fn steady(&self) -> Result<()> {
        self.bring_nodes_back()?;
        let services = self.services()?;
        let ours = format!("{}/", registry::HOST);
        let is_as_released = |service: &Service| {
            let is_ours = service.image.starts_with(&ours);
            let is_stuck = service.update.as_deref().is_some_and(|update| {
                ["rollback_completed", "rollback_paused", "paused"].contains(&update)
            });
            !is_stuck && (!is_ours || service.image.contains(&format!(":{}", RELEASE.tag())))
        };
        if services.is_empty() || !services.iter().all(is_as_released) {
            return self.renew();
        }
        for (service, count) in [("app", REPLICAS), ("db", 1)] {
            let found = services.iter().find(|found| found.name == service);
            if found.is_none_or(|found| found.replicas.desired != count) {
                self.scale(service, count)?;
            }
        }
        self.await_all()?;
        self.make_accounts()
    }

    /// Deploys the release of the steady state, which undoes whatever was changed about the services.
    ///
    /// # Errors
    /// As [`Stage::steady`].
    pub(super) fn renew(&self) -> Result<()> {
        self.bring_nodes_back()?;
        let (is_deployed, _) = self.deploy(RELEASE)?;
        if !is_deployed {
            bail!("the lab cannot be brought to its steady state");
        }
        for (service, count) in [("app", REPLICAS), ("db", 1)] {
            self.scale(service, count)?;
        }
        self.await_all()?;
        self.make_accounts()
    }

    /// Power and network for all nodes; all are managers, if there are enough, and take tasks.
    fn bring_nodes_back(&self) -> Result<()> {
        for node in self.nodes.iter() {
            node.restore()?;
        }
        let count = self.nodes.count();
        let what = "the nodes are not all ready";
        let format = "--format={{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}|";
        wait::until(PATIENCE, what, || {
            let said = self.manager().ask_if_there(&["node", "ls", format])?;
            let said = said.unwrap_or_default();
            let ready = said.lines().filter(|line| line.contains(" Ready "));
            Ok((ready.count() == count).then_some(()))
        })?;
        for line in self.ask(&["node", "ls", format])?.lines() {
            let name = line.split(' ').next().unwrap_or_default();
            if !line.contains(" Active ") {
                self.ask(&["node", "update", "--availability=active", name])?;
            }
            if count >= 3 && line.ends_with(" |") {
                self.ask(&["node", "promote", name])?;
            }
        }
        Ok(())
    }

    /// The services of the stack; none when it is not deployed.
    ///
    /// # Errors
    /// When the swarm has no leader.
    pub(super) fn services(&self) -> Result<Vec<Service>> {
        self.swarm.services()
    }

    /// Waits until every service has all its tasks and none is being updated.
    ///
    /// # Errors
    /// When that takes too long.
    pub(super) fn await_all(&self) -> Result<()> {
        let step = Step::start("Waiting until everything runs");
        wait::until(PATIENCE, "not everything runs", || {
            // A service that is about to go cannot be described any more.
            let services = self.services().unwrap_or_default();
            let is_settled = |service: &Service| {
                let replicas = service.replicas;
                let update = service.update.as_deref().unwrap_or_default();
                let is_busy = ["updating", "rollback_started"].contains(&update);
                !is_busy && (replicas.is_completed || replicas.running == replicas.desired)
            };
            let is_well = !services.is_empty() && services.iter().all(is_settled);
            Ok(is_well.then_some(()))
        })?;
        step.done();
        Ok(())
    }

    /// Waits until the swarm knows that a node is back.
    ///
    /// # Errors
    /// When that takes too long.
    pub(super) fn await_node(&self, node: &Node) -> Result<()> {
        let (name, format) = (node.name(), "--format={{.Status.State}}");
        let what = format!("{name} does not come back");
        wait::until(PATIENCE, &what, || {
            let said = self
                .manager()
                .ask_if_there(&["node", "inspect", format, &name])?;
            Ok((said.as_deref() == Some("ready")).then_some(()))
        })
    }

    // ---- the stack ----------------------------------------------------------------------------------

    /// Deploys a release as an operator does; whether it was accepted, and how long it took.
    ///
    /// # Errors
    /// When it cannot be tried.
    pub(super) fn deploy(&self, release: Release) -> Result<(bool, Duration)> {
        let begun = Instant::now();
        let is_deployed = match deploy::deploy(self.workspace, release) {
            Ok(()) => true,
            Err(error) if error.is::<SaidItself>() => false,
            Err(error) => return Err(error),
        };
        Ok((is_deployed, begun.elapsed()))
    }

    /// Asks for so many replicas and does not wait for them.
    ///
    /// # Errors
    /// When the swarm refuses.
    pub(super) fn scale(&self, service: &str, count: u32) -> Result<()> {
        self.ask(&[
            "service",
            "scale",
            "--detach",
            &format!("{STACK}_{service}={count}"),
        ])?;
        Ok(())
    }

    /// Waits until a service has exactly so many tasks, all well.
    ///
    /// # Errors
    /// When that takes too long.
    pub(super) fn await_tasks(&self, service: &str, count: usize) -> Result<Vec<Task>> {
        let what = format!("{service} does not run in {count} tasks");
        wait::until(PATIENCE, &what, || {
            let tasks = self.tasks(service)?;
            let is_well = tasks.len() == count && tasks.iter().all(Task::is_well);
            Ok(is_well.then_some(tasks))
        })
    }

    /// The tasks of a service that are wanted.
    ///
    /// # Errors
    /// When the swarm has no leader.
    pub(super) fn tasks(&self, service: &str) -> Result<Vec<Task>> {
        let mut tasks = tasks::of(&self.manager(), service)?;
        tasks.retain(|task| task.is_wanted);
        Ok(tasks)
    }

    /// Waits until none of these tasks is wanted any more and as many others are well. Gives the seconds since
    /// `begun`.
    ///
    /// # Errors
    /// When that takes too long.
    pub(super) fn await_replaced(
        &self,
        service: &str,
        gone: &[&Task],
        count: usize,
        begun: Instant,
    ) -> Result<f64> {
        wait::until(PATIENCE, "what was lost is not replaced", || {
            // For a moment the swarm may have no leader to ask.
            let tasks = self.tasks(service).unwrap_or_default();
            let is_gone = |task: &&Task| gone.iter().all(|gone| gone.id != task.id);
            let well = tasks.iter().filter(|task| task.is_well()).filter(is_gone);
            Ok((well.count() >= count).then_some(()))
        })?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// The engine and the container of a task.
    ///
    /// # Errors
    /// When it has none.
    pub(super) fn container(&self, task: &Task) -> Result<(Docker, String)> {
        let docker = self.nodes.named(&task.node)?.docker();
        Ok((docker, task.container(&self.manager())?))
    }

    /// Kills the processes of a task's container.
    ///
    /// # Errors
    /// When it does not run.
    pub(super) fn kill(&self, task: &Task) -> Result<Fault> {
        let (docker, container) = self.container(task)?;
        fault(|| docker.ask(&["kill", "--signal=KILL", &container]).map(drop))
    }

    /// Runs a command of Ticker in one of its replicas.
    ///
    /// # Errors
    /// When it fails, with what it says.
    pub(super) fn ticker(&self, arguments: &[&str], input: &str) -> Result<String> {
        let tasks = self.tasks("app")?;
        let task = tasks.iter().find(|task| task.is_well());
        let (docker, container) = self.container(task.context("no replica is well")?)?;
        let exec = ["exec", "--interactive", &container, "/usr/local/bin/ticker"];
        process::output_of(&mut docker.command(&[&exec[..], arguments].concat()), input)
    }

    /// Lets the database execute SQL as its superuser.
    ///
    /// # Errors
    /// With the database's message.
    pub(super) fn sql(&self, statement: &str) -> Result<String> {
        self.swarm.sql(statement)
    }

    /// The image that Ticker runs, with its tag.
    ///
    /// # Errors
    /// When Ticker is not deployed.
    pub(super) fn image(&self) -> Result<String> {
        let services = self.services()?;
        let app = services.into_iter().find(|service| service.name == "app");
        Ok(app.context("Ticker is not deployed")?.image)
    }

    // ---- users --------------------------------------------------------------------------------------

    /// A manager's accounts, of which the load generator signs in once each, and something to press on.
    fn make_accounts(&self) -> Result<()> {
        let file = self.accounts();
        let first = secrets::read(&file)?;
        let first = first.as_deref().and_then(|text| text.split(':').next());
        if let Some(name) = first {
            // The database may be another one by now.
            let count = format!("SELECT count(*) FROM users WHERE username = '{name}'");
            if self.sql(&count)? == "1" {
                return Ok(());
            }
        }
        let step = Step::start(format!("Making {ACCOUNTS} accounts"));
        let mut lines = String::new();
        let suffix = secrets::unique_suffix()?;
        for number in 1..=ACCOUNTS {
            let (name, password) = (format!("drill{number}{suffix}"), secrets::password()?);
            self.make_manager(&name, &password)?;
            writeln!(lines, "{name}:{password}")?;
        }
        if self.sql("SELECT count(*) FROM items")? == "0" {
            self.ticker(&["demo"], "")?;
        }
        secrets::write(&file, lines.trim_end())?;
        step.done();
        Ok(())
    }

    /// Makes an account that may add items and press.
    ///
    /// # Errors
    /// When there is one of that name already.
    pub(super) fn make_manager(&self, name: &str, password: &str) -> Result<()> {
        let create = ["user", "create", name, "--role", "manager"];
        let given = ["--password-stdin", "--keep-password"];
        self.ticker(&[&create[..], &given].concat(), password)?;
        Ok(())
    }

    fn accounts(&self) -> PathBuf {
        self.folder.join("accounts")
    }

    /// The certificate of the proxy's own authority, written anew: it is another one after a first deploy.
    ///
    /// # Errors
    /// When the proxy has none.
    pub(super) fn certificate(&self) -> Result<PathBuf> {
        let file = self.folder.join("root.crt");
        self.swarm.save_certificate(&file)?;
        Ok(file)
    }

    /// The load generator, about to be told what to do as our users through the proxy.
    pub(super) fn loadgen(&self, subcommand: &str) -> Command {
        let mut command = process::bound_to_us(&self.loadgen, "TERM");
        command
            .args([
                subcommand,
                "--url",
                web::URL,
                "--connect",
                web::ADDRESS,
                "--ca",
            ])
            .arg(self.folder.join("root.crt"))
            .arg("--accounts")
            .arg(self.accounts());
        command
    }

    /// Begins to use Ticker as people do, and waits until it works.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn load(&self) -> Result<Load> {
        self.load_of(if self.is_short { &SHORT } else { &FULL })
    }

    /// The same, by so many people.
    ///
    /// # Errors
    /// As [`Stage::load`].
    pub(super) fn load_of(&self, amount: &[&str]) -> Result<Load> {
        self.certificate()?;
        let log = self.folder.join("load.acknowledgements");
        if log.exists() {
            fs::remove_file(&log).context("cannot remove an old log")?;
        }
        let mut command = self.loadgen("run");
        let words = "--scenario mixed --reads 0.7 --share-sessions --connections mixed --duration 20m --warm-up 2s";
        command.args(words.split_whitespace());
        command.args(["--give-up", GIVE_UP]).args(amount);
        let before = self.postings()?;
        let mut load = Load::begin(&self.folder, "load", command)?;
        wait::until(PATIENCE, "nothing is posted", || {
            load.check()?;
            Ok((self.postings()? >= before + 200).then_some(()))
        })?;
        Ok(load)
    }

    /// Waits until so many postings have been committed since there were `before`.
    ///
    /// # Errors
    /// When that takes too long.
    pub(super) fn await_postings(&self, before: u64, more: u64) -> Result<()> {
        wait::until(PATIENCE, "nothing is posted", || {
            // Out of reach or on its way up is no reason to give up.
            let now = self.postings().unwrap_or_default();
            Ok((now >= before + more).then_some(()))
        })
    }

    /// How far the postings have got.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) fn postings(&self) -> Result<u64> {
        let said = self.sql("SELECT coalesce(max(id), 0) FROM postings")?;
        said.parse().context("postings have numbers")
    }
}

/// Builds the load generator as it is released: otherwise it would be what is slow.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    progress::heading("Building ticker-loadgen");
    let mut build = process::cargo();
    build
        .args(["build", "--release", "--package", LOADGEN])
        .current_dir(&workspace.root);
    if !process::show(&mut build)?.success() {
        bail!("it does not build (see above)");
    }
    Ok(workspace.target.join("release").join(LOADGEN))
}

/// Breaks something, and says when.
///
/// # Errors
/// As what breaks it.
pub(super) fn fault(break_it: impl FnOnce() -> Result<()>) -> Result<Fault> {
    let begun_ms = now_ms();
    break_it()?;
    let over_ms = now_ms();
    Ok(Fault { begun_ms, over_ms })
}

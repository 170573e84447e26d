//! The nodes: machines of the swarm, each a container with an engine of its own.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::LABEL;
use super::docker::Docker;
use super::names::Name;
use super::registry::{self, Registry};
use super::wait;
use crate::progress::Step;

/// The bridge that the nodes and their registry are on.
pub(crate) const NETWORK: &str = "ticker-lab";
const SUBNET: &str = "10.99.0.0/24";
/// What the swarm takes its networks from, and what the nodes' engines take theirs from; neither overlaps
/// the subnet that the stack pins.
const SWARM_POOL: &str = "10.210.0.0/16";
const ENGINE_POOL: &str = "base=10.200.0.0/16,size=24";
/// Below it, each node's engine has its socket on this machine.
const SOCKETS: &str = "/run/ticker-lab";
const ENGINE_LIMIT: Duration = Duration::from_mins(1);
/// Node1's ports on this machine's loopback address.
const PUBLISHED: [(&str, &str); 4] = [
    ("127.0.0.1:10080", "80/tcp"),
    ("127.0.0.1:10443", "443/tcp"),
    ("127.0.0.1:10443", "443/udp"),
    ("127.0.0.1:19090", "9090/tcp"),
];
/// What makes a container an engine's home. `--privileged` would ask for capabilities, too, that this machine
/// may not have itself, and fail.
const POWERS: [&str; 6] = [
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--cgroupns=host",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--tmpfs=/run",
];
/// The capabilities by their number (`man 7 capabilities`) that every engine of use knows by name.
const CAPABILITIES: [&str; 38] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
];

/// The image of a node.
pub(crate) fn image() -> Name {
    Name::new("ticker-lab/node:1")
}

/// An address of the lab's network: 1 is this machine, 2 the registry, nodes follow from 11 on.
pub(crate) fn ip(last: u8) -> String {
    format!("10.99.0.{last}")
}

/// The network that the nodes are on.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn ensure_network() -> Result<()> {
    let docker = Docker::here();
    if docker
        .ask_if_there(&["network", "inspect", NETWORK])?
        .is_none()
    {
        docker.ask(&[
            "network", "create", "--label", LABEL, "--subnet", SUBNET, NETWORK,
        ])?;
    }
    Ok(())
}

/// Removes nodes, registry, their volumes and their network.
///
/// # Errors
/// When the engine refuses.
pub(crate) fn remove() -> Result<()> {
    let docker = Docker::here();
    let step = Step::start("Removing the nodes");
    let filter = format!("label={LABEL}");
    for (list, remove) in [
        (
            &["ps", "--all", "--quiet"][..],
            &["rm", "--force", "--volumes"][..],
        ),
        (&["volume", "ls", "--quiet"], &["volume", "rm"]),
        (&["network", "ls", "--quiet"], &["network", "rm"]),
    ] {
        let found = docker.ask(&[list, &["--filter", &filter]].concat())?;
        if !found.is_empty() {
            let found: Vec<&str> = found.lines().collect();
            docker.ask(&[remove, &found].concat())?;
        }
    }
    if Path::new(SOCKETS).exists() {
        fs::remove_dir_all(SOCKETS).context("cannot remove the nodes' sockets")?;
    }
    step.done();
    Ok(())
}

/// A node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    number: u8,
}

impl Node {
    /// Its name in the swarm: `node1`.
    pub(crate) fn name(&self) -> String {
        format!("node{}", self.number)
    }

    /// Its engine.
    pub(crate) fn docker(&self) -> Docker {
        Docker::at(&self.sockets().join("docker.sock"))
    }

    /// Its address on the lab's network.
    pub(crate) fn ip(&self) -> String {
        ip(10 + self.number)
    }

    /// Ends everything on it this moment, as a power cut does.
    ///
    /// # Errors
    /// When it has no power.
    pub(crate) fn kill(&self) -> Result<()> {
        Docker::here().ask(&["kill", "--signal=KILL", &self.container()])?;
        Ok(())
    }

    /// Gives it power and waits for its engine.
    ///
    /// # Errors
    /// When the engine does not come up.
    pub(crate) fn start(&self) -> Result<()> {
        Docker::here().ask(&["start", &self.container()])?;
        self.await_engine()
    }

    /// Takes it from the network.
    ///
    /// # Errors
    /// When it is not on it.
    pub(crate) fn cut(&self) -> Result<()> {
        Docker::here().ask(&["network", "disconnect", NETWORK, &self.container()])?;
        Ok(())
    }

    /// Puts it back on the network, with its old address.
    ///
    /// # Errors
    /// When it is on it.
    pub(crate) fn heal(&self) -> Result<()> {
        let (ip, container) = (self.ip(), self.container());
        Docker::here().ask(&["network", "connect", "--ip", &ip, NETWORK, &container])?;
        Ok(())
    }

    /// Copies a file of this machine to it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn receive(&self, file: &Path, to: &str) -> Result<()> {
        let (file, to) = (file.as_os_str(), format!("{}:{to}", self.container()));
        Docker::here().ask(&["cp".as_ref(), file, to.as_ref()])?;
        Ok(())
    }

    /// Runs a script on it and returns what that printed.
    ///
    /// # Errors
    /// When it fails, with the end of what it said.
    pub(crate) fn shell(&self, script: &str) -> Result<String> {
        let exec = ["exec", &self.container(), "bash", "-euc", script];
        Docker::here().ask(&exec)
    }

    /// Gives it back whatever was taken from it: power, network or both.
    ///
    /// # Errors
    /// When its engine does not come up.
    pub(crate) fn restore(&self) -> Result<()> {
        let container = self.container();
        let format = "--format={{.State.Running}} {{len .NetworkSettings.Networks}}";
        let state = Docker::here().ask(&["inspect", format, &container])?;
        if state.ends_with(" 0") {
            self.heal()?;
        }
        if state.starts_with("false") {
            self.start()?;
        }
        Ok(())
    }

    fn container(&self) -> String {
        format!("ticker-lab-{}", self.name())
    }

    fn volume(&self) -> String {
        self.container()
    }

    fn sockets(&self) -> PathBuf {
        Path::new(SOCKETS).join(self.name())
    }

    fn create(&self, registries: &BTreeSet<String>) -> Result<()> {
        let docker = Docker::here();
        // Not through `run`, whose volume would have no label.
        let volume = self.volume();
        docker.ask(&["volume", "create", "--label", LABEL, &volume])?;
        let name = self.name();
        let registry = Registry::ip();
        let mut run: Vec<String> = [
            "run",
            "--detach",
            &format!("--name={}", self.container()),
            &format!("--hostname={name}"),
            &format!("--label={LABEL}"),
            &format!("--network={NETWORK}"),
            &format!("--ip={}", self.ip()),
            &format!("--volume={volume}:/var/lib/docker"),
            &format!("--volume={}:/run/lab", self.sockets().display()),
            &format!("--add-host={}:{registry}", registry::HOST),
        ]
        .map(str::to_owned)
        .to_vec();
        run.extend(POWERS.map(str::to_owned));
        run.extend(capabilities()?.map(|name| format!("--cap-add={name}")));
        // Under the names of others, too, the nodes find the lab's registry.
        let hosts = registries.iter();
        run.extend(hosts.map(|host| format!("--add-host={host}:{registry}")));
        if self.number == 1 {
            run.extend(PUBLISHED.map(|(here, there)| format!("--publish={here}:{there}")));
        }
        run.push(image().to_string());
        run.extend(self.engine_options(registries));
        docker.ask(&run)?;
        Ok(())
    }

    fn engine_options(&self, registries: &BTreeSet<String>) -> Vec<String> {
        let mut options = vec![
            "--host=unix:///run/lab/docker.sock".to_owned(),
            format!("--registry-mirror=http://{}", registry::HOST),
            format!("--insecure-registry={}", registry::HOST),
            format!("--default-address-pool={ENGINE_POOL}"),
            // So that the node's containers are found below it on this machine.
            format!("--cgroup-parent=/ticker-lab/{}", self.name()),
        ];
        let hosts = registries.iter();
        options.extend(hosts.map(|host| format!("--insecure-registry={host}")));
        options
    }

    fn await_engine(&self) -> Result<()> {
        let docker = self.docker();
        let what = format!("the engine of {} does not answer", self.name());
        wait::until(ENGINE_LIMIT, &what, || Ok(docker.answers().then_some(())))
    }

    fn is_in_swarm(&self) -> Result<bool> {
        let state = ["info", "--format", "{{.Swarm.LocalNodeState}}"];
        Ok(self.docker().ask(&state)? == "active")
    }

    fn labels(&self, count: u8) -> Vec<&'static str> {
        // The database apart from the edge, and what will hold copies of it on a third.
        let of_number = [
            (1, "edge"),
            (1, "monitoring"),
            (2.min(count), "volume"),
            (3.min(count), "backup"),
        ];
        let ours = of_number
            .iter()
            .filter(|(number, _)| *number == self.number);
        ours.map(|(_, label)| *label).collect()
    }
}

/// All nodes, whether they have power or not.
#[derive(Debug)]
pub(crate) struct Nodes(Vec<Node>);

impl Nodes {
    /// The nodes that there are.
    ///
    /// # Errors
    /// When there are none, or no engine answers.
    pub(crate) fn find() -> Result<Self> {
        let nodes = Self::there()?;
        if nodes.0.is_empty() {
            bail!("there is no lab: cargo xtask lab up");
        }
        Ok(nodes)
    }

    /// Whether the lab is of so many nodes, or not there yet: labels and data have their places.
    ///
    /// # Errors
    /// When it is of another size.
    pub(crate) fn check(count: u8) -> Result<()> {
        let there = Self::there()?;
        if !there.0.is_empty() && there.0.len() != usize::from(count) {
            bail!(
                "there is a lab of {} already: cargo xtask lab down",
                there.count_in_words()
            );
        }
        Ok(())
    }

    /// Whether there is none yet.
    ///
    /// # Errors
    /// When there is a lab.
    pub(crate) fn check_none() -> Result<()> {
        if !Self::there()?.0.is_empty() {
            bail!("there is a lab already: cargo xtask lab down");
        }
        Ok(())
    }

    /// Makes the nodes and their swarm; what is there stays, with power.
    ///
    /// # Errors
    /// When an engine does not come up or the swarm is not formed.
    pub(crate) fn ensure(count: u8, registries: &BTreeSet<String>) -> Result<Self> {
        let nodes = Self((1..=count).map(|number| Node { number }).collect());
        let step = Step::start(format!("Starting {}", nodes.count_in_words()));
        for node in &nodes.0 {
            let start = ["start", &node.container()];
            if Docker::here().ask_if_there(&start)?.is_none() {
                node.create(registries)?;
            }
        }
        for node in &nodes.0 {
            node.await_engine()?;
        }
        step.done();
        let step = Step::start("Forming the swarm");
        nodes.form_swarm()?;
        step.done();
        Ok(nodes)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Node> {
        self.0.iter()
    }

    /// The first, a manager, which is the edge.
    pub(crate) fn first(&self) -> &Node {
        &self.0[0]
    }

    /// The first that has power.
    ///
    /// # Errors
    /// When none has.
    pub(crate) fn first_that_answers(&self) -> Result<&Node> {
        let node = self.0.iter().find(|node| node.docker().answers());
        node.context("none of the nodes answers: cargo xtask lab start node1")
    }

    /// A node by its name.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(crate) fn named(&self, name: &str) -> Result<Node> {
        let node = self.0.iter().find(|node| node.name() == name);
        node.cloned().with_context(|| format!("there is no {name}"))
    }

    /// "3 nodes".
    pub(crate) fn count_in_words(&self) -> String {
        match self.0.len() {
            1 => "1 node".to_owned(),
            count => format!("{count} nodes"),
        }
    }

    /// Where the lab is reached from this machine.
    pub(crate) fn addresses(&self) -> String {
        let sockets = self.0.iter().map(|node| {
            let host = node.docker().host().unwrap_or_default().to_owned();
            format!("{}  {:12}  {host}\n", node.name(), node.ip())
        });
        let ports = PUBLISHED
            .iter()
            .map(|(here, there)| format!("{here}  leads to node1's {there}\n"));
        sockets.chain(ports).collect()
    }

    fn there() -> Result<Self> {
        let filter = format!("label={LABEL}");
        let format = "{{.Names}}";
        let names = ["ps", "--all", "--filter", &filter, "--format", format];
        let names = Docker::here().ask(&names)?;
        let numbers = names
            .lines()
            .filter_map(|name| name.strip_prefix("ticker-lab-node")?.parse().ok());
        let mut nodes: Vec<Node> = numbers.map(|number| Node { number }).collect();
        nodes.sort_by_key(|node| node.number);
        Ok(Self(nodes))
    }

    fn form_swarm(&self) -> Result<()> {
        let count = self.0.len();
        let first = self.first().docker();
        if !self.first().is_in_swarm()? {
            let address = self.first().ip();
            let pool = ["--default-addr-pool", SWARM_POOL];
            let init = ["swarm", "init", "--advertise-addr", &address];
            first.ask(&[&init[..], &pool].concat())?;
        }
        let role = if count >= 3 { "manager" } else { "worker" };
        let token = first.ask(&["swarm", "join-token", "--quiet", role])?;
        let address = format!("{}:2377", self.first().ip());
        for node in &self.0[1..] {
            if !node.is_in_swarm()? {
                let join = ["swarm", "join", "--token", &token, &address];
                node.docker().ask(&join)?;
            }
        }
        for node in &self.0 {
            for label in node.labels(u8::try_from(count)?) {
                let label = format!("{label}=true");
                first.ask(&["node", "update", "--label-add", &label, &node.name()])?;
            }
        }
        Ok(())
    }
}

/// Those of [`CAPABILITIES`] that this machine has.
fn capabilities() -> Result<impl Iterator<Item = &'static str>> {
    let status = fs::read_to_string("/proc/self/status").context("this is no Linux")?;
    let bounds = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    let bounds = bounds.context("the kernel tells no capabilities")?;
    let bounds = u64::from_str_radix(bounds.trim(), 16).context("capabilities are a number")?;
    Ok(within(bounds))
}

fn within(bounds: u64) -> impl Iterator<Item = &'static str> {
    let numbered = CAPABILITIES.into_iter().enumerate();
    numbered
        .filter(move |(number, _)| bounds >> number & 1 == 1)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_that_the_machine_lacks_are_not_asked_for() {
        assert_eq!(within(0b100_0001).collect::<Vec<_>>(), ["CHOWN", "SETGID"]);
        assert_eq!(within(1 << 24).collect::<Vec<_>>(), ["SYS_RESOURCE"]);
        assert_eq!(within(u64::MAX).count(), 38);
    }

    #[test]
    fn every_label_is_on_one_node_whatever_their_number() {
        for count in 1..=5 {
            let nodes = (1..=count).map(|number| Node { number });
            let mut labels: Vec<_> = nodes.flat_map(|node| node.labels(count)).collect();
            labels.sort_unstable();
            assert_eq!(
                labels,
                ["backup", "edge", "monitoring", "volume"],
                "{count}"
            );
        }
        assert_eq!(Node { number: 2 }.labels(3), ["volume"]);
        assert_eq!(Node { number: 2 }.labels(2), ["volume", "backup"]);
    }
}

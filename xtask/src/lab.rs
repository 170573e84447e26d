//! `cargo xtask lab`: a real Docker Swarm on one machine, made of the project's own files.
//!
//! Its nodes are containers with an engine of their own on a private bridge. They pull every image from a
//! registry of the lab under the names that `stack_prod.yaml` has for them; the images of others are stand-ins
//! made of Debian's packages (`lab/images`), so that nothing is fetched from any registry.

mod definition;
mod deploy;
mod docker;
mod drill;
mod engine;
mod images;
mod names;
mod nodes;
mod registry;
mod release;
mod short;
mod swarm;
mod wait;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use clap::{Subcommand, ValueEnum};

pub(crate) use self::engine::NoEngine;
use self::images::Images;
use self::nodes::Nodes;
use self::registry::Registry;
use self::release::Release;
use self::swarm::Swarm;
use crate::process::SaidItself;
use crate::progress;
use crate::workspace::Workspace;

/// Everything that the lab makes of images, containers, volumes and networks has this label.
const LABEL: &str = "ticker.lab";

/// What is done with the lab.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Make the nodes, their registry and all images. What is there already stays as it is.
    Up {
        /// How many nodes; with three or more, all are managers.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
        nodes: u8,
        /// How Ticker's own image is made.
        #[arg(long, value_enum, default_value_t = Build::Dockerfile)]
        image: Build,
    },
    /// Make Ticker's image anew and bring it, with all others, to the lab's registry.
    Push {
        /// How Ticker's own image is made.
        #[arg(long, value_enum, default_value_t = Build::Dockerfile)]
        image: Build,
    },
    /// Deploy a release with `deploy/ticker-stack`, making secrets before the first.
    Deploy {
        #[arg(value_enum)]
        release: Release,
    },
    /// Print the nodes, the services and where they are reached.
    Status,
    /// Run the docker client against a node's engine: `lab docker node1 service ls`.
    Docker {
        /// A node's name, such as `node1`.
        node: String,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<String>,
    },
    /// Let Ticker's database execute SQL as its superuser.
    Sql { statement: String },
    /// Write the certificate of the proxy's own authority to a file.
    Certificate { file: PathBuf },
    /// Cut a node's power: everything on it ends this moment.
    Kill { node: String },
    /// Give a node its power back.
    Start { node: String },
    /// Pull the plug of a node's network.
    Cut { node: String },
    /// Put the plug of a node's network back.
    Heal { node: String },
    /// Break something while Ticker is used, and check what its users saw.
    Drill(drill::Options),
    /// What a change has to pass: a lab of one node is made, a release is deployed and replaced under load, one
    /// that does not work is rolled back, the dashboards are asked, and the lab is removed again.
    Short,
    /// Remove everything that the lab has made, and stop the engine if the lab has started it.
    Down {
        /// Remove the images, too.
        #[arg(long)]
        images: bool,
    },
}

/// How Ticker's image is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Build {
    /// By the project's Dockerfile, as it is released.
    Dockerfile,
    /// Of programs that cargo builds here without optimisation: fast, for working on the lab itself.
    Packed,
}

/// Does what is asked.
///
/// # Errors
/// [`NoEngine`] where no Docker engine can be had; otherwise in the words of what failed.
pub(crate) fn run(workspace: &Workspace, action: &Action) -> Result<()> {
    match action {
        Action::Up { nodes, image } => up(workspace, *nodes, *image),
        Action::Push { image } => push(workspace, *image),
        Action::Deploy { release } => deploy::deploy(workspace, *release),
        Action::Status => status(),
        Action::Docker { node, arguments } => {
            let node = Nodes::find()?.named(node)?;
            let status = node.docker().show(arguments)?;
            accept(status)
        }
        Action::Sql { statement } => {
            println!("{}", Swarm::find()?.sql(statement)?);
            Ok(())
        }
        Action::Certificate { file } => Swarm::find()?.save_certificate(file),
        Action::Kill { node } => Nodes::find()?.named(node)?.kill(),
        Action::Start { node } => Nodes::find()?.named(node)?.start(),
        Action::Cut { node } => Nodes::find()?.named(node)?.cut(),
        Action::Heal { node } => Nodes::find()?.named(node)?.heal(),
        Action::Drill(options) => drill::run(workspace, options),
        Action::Short => short::run(workspace),
        Action::Down { images } => down(workspace, *images),
    }
}

fn up(workspace: &Workspace, count: u8, build: Build) -> Result<()> {
    let begun = Instant::now();
    engine::ensure(workspace)?;
    Nodes::check(count)?;
    let mut images = Images::new(workspace);
    images.ensure(&nodes::image())?;
    let registry = Registry::ensure(&mut images)?;
    let nodes = Nodes::ensure(count, &names::foreign_registries(workspace)?)?;
    fill(workspace, &registry, &mut images, build)?;
    progress::say(&format!(
        "A swarm of {} after {}. Next: cargo xtask lab deploy v1",
        nodes.count_in_words(),
        progress::seconds(begun.elapsed())
    ));
    Ok(())
}

fn push(workspace: &Workspace, build: Build) -> Result<()> {
    Nodes::find()?;
    let mut images = Images::new(workspace);
    let registry = Registry::ensure(&mut images)?;
    fill(workspace, &registry, &mut images, build)
}

/// Brings everything to the registry that the stack needs.
fn fill(
    workspace: &Workspace,
    registry: &Registry,
    images: &mut Images<'_>,
    build: Build,
) -> Result<()> {
    for name in names::of_stack(workspace)? {
        if images.ensure(&name)? {
            registry.push(&name)?;
        }
    }
    for release in release::build(workspace, images, build)? {
        registry.push(&release)?;
    }
    Ok(())
}

fn status() -> Result<()> {
    let nodes = Nodes::find()?;
    println!("{}", Swarm::find()?.describe()?);
    println!("{}", nodes.addresses());
    Ok(())
}

fn down(workspace: &Workspace, with_images: bool) -> Result<()> {
    if engine::answers() {
        nodes::remove()?;
        if with_images {
            images::remove()?;
        }
    }
    engine::stop_ours(workspace)
}

fn accept(status: std::process::ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(SaidItself.into())
}

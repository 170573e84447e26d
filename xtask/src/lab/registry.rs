//! The registry that the nodes pull from, as they would from those of the world.

use anyhow::{Context, Result};

use super::LABEL;
use super::docker::Docker;
use super::images::Images;
use super::names::Name;
use super::nodes::{self, NETWORK};
use crate::progress::Step;

/// Its name in the lab: Ticker's image is `registry.lab/ticker`.
pub(crate) const HOST: &str = "registry.lab";
const CONTAINER: &str = "ticker-lab-registry";
const IMAGE: &str = "registry:2";

/// The lab's registry. It holds the images of every registry that the project uses, each under its
/// repository's name.
pub(crate) struct Registry {
    docker: Docker,
    /// Where this machine's engine pushes to.
    address: String,
}

impl Registry {
    /// The registry's address among the nodes.
    pub(crate) fn ip() -> String {
        nodes::ip(2)
    }

    /// Makes the registry run.
    ///
    /// # Errors
    /// When the engine cannot run it.
    pub(crate) fn ensure(images: &mut Images<'_>) -> Result<Self> {
        let docker = Docker::here();
        images.ensure(&Name::new(IMAGE))?;
        nodes::ensure_network()?;
        let step = Step::start("Starting the registry");
        if docker.ask_if_there(&["start", CONTAINER])?.is_none() {
            docker.ask(&[
                "run",
                "--detach",
                "--name",
                CONTAINER,
                "--label",
                LABEL,
                "--network",
                NETWORK,
                "--ip",
                &Self::ip(),
                // Any free port: only this program needs to find it.
                "--publish=127.0.0.1::80",
                "--volume=ticker-lab-registry:/var/lib/registry",
                IMAGE,
            ])?;
        }
        let address = docker.ask(&["port", CONTAINER, "80/tcp"])?;
        let address = address.lines().next().map(str::to_owned);
        step.done();
        Ok(Self {
            docker,
            address: address.context("the registry has no address")?,
        })
    }

    /// Brings an image of this machine to the registry.
    ///
    /// # Errors
    /// When the image is not there.
    pub(crate) fn push(&self, name: &Name) -> Result<()> {
        let step = Step::start(format!("Pushing {name}"));
        let target = format!("{}/{}:{}", self.address, name.repository(), name.tag());
        self.docker.ask(&["tag", name.as_str(), &target])?;
        let pushed = self.docker.ask(&["push", "--quiet", &target]);
        self.docker.ask(&["image", "rm", &target])?;
        pushed?;
        step.done();
        Ok(())
    }
}

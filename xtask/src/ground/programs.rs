//! The programs that are put to work.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process;
use crate::progress;
use crate::workspace::Workspace;

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) ticker: PathBuf,
    pub(crate) loadgen: PathBuf,
}

impl Programs {
    /// Takes those in `folder` as they are, or builds them as they are released.
    ///
    /// # Errors
    /// When one of them is not there, or they do not build.
    pub(crate) fn get(workspace: &Workspace, folder: Option<&Path>) -> Result<Self> {
        match folder {
            Some(folder) => Self::built(folder),
            None => Self::build(workspace),
        }
    }

    fn build(workspace: &Workspace) -> Result<Self> {
        progress::heading("Building the release");
        let mut command = process::cargo();
        command
            .args([
                "build",
                "--release",
                "--package",
                "ticker-server",
                "--package",
                "ticker-loadgen",
            ])
            .current_dir(&workspace.root);
        if !process::show(&mut command)?.success() {
            bail!("it does not build (see above)");
        }
        Self::built(&workspace.target.join("release"))
    }

    fn built(folder: &Path) -> Result<Self> {
        let programs = Self {
            ticker: folder.join("ticker"),
            loadgen: folder.join("ticker-loadgen"),
        };
        for program in [&programs.ticker, &programs.loadgen] {
            if !program.is_file() {
                bail!("there is no {}", program.display());
            }
        }
        Ok(programs)
    }
}

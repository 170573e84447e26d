//! What the development environment keeps in the checkout: `.ticker/dev`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::postgres::{self, Place};
use crate::progress::Step;
use crate::secrets;
use crate::workspace::Workspace;

/// The folder of passwords and marks, and the right to be the only one who uses it.
pub(super) struct State {
    folder: PathBuf,
    /// The kernel lets go of it when this process ends, however it ends.
    _lock: File,
}

impl State {
    /// Opens the state of this checkout for us alone; with `reset` everything that earlier runs made is
    /// removed first.
    ///
    /// # Errors
    /// When another `cargo xtask dev` uses it, or when something cannot be removed.
    pub(super) fn open(workspace: &Workspace, reset: bool, place: &Place) -> Result<Self> {
        let parent = workspace.state();
        fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
        // Beside the folder, so that it outlives a reset.
        let lock = lock(&parent.join("dev.lock"))?;
        let folder = parent.join("dev");
        if reset {
            remove(&folder, place)?;
        }
        secrets::private_folder(&folder)?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    /// The password of a database login, made on the first run.
    ///
    /// # Errors
    /// When it can neither be read nor written.
    pub(super) fn password(&self, login: &str) -> Result<String> {
        secrets::kept(&self.password_file(login))
    }

    /// The file that holds such a password.
    pub(super) fn password_file(&self, login: &str) -> PathBuf {
        self.folder.join(format!("{login}.password"))
    }

    /// The file that holds the password of somebody who signs in to Ticker.
    pub(super) fn account_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("account-{name}.password"))
    }

    /// Whether the demo shop was loaded once; what people made of it since is theirs.
    pub(super) fn demo_was_loaded(&self) -> bool {
        self.demo_mark().exists()
    }

    /// Notes that the demo shop is loaded.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub(super) fn note_demo(&self) -> Result<()> {
        fs::write(self.demo_mark(), "").context("cannot note that the demo shop is loaded")
    }

    fn demo_mark(&self) -> PathBuf {
        self.folder.join("demo-loaded")
    }
}

fn lock(path: &Path) -> Result<File> {
    let context = || format!("cannot open {}", path.display());
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(context)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another `cargo xtask dev` runs in this checkout; stop it first")
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(context),
    }
}

fn remove(folder: &Path, place: &Place) -> Result<()> {
    // A server that still writes would make files anew while they are being removed.
    postgres::stop_orphan(place)?;
    let step = Step::start("Removing the development database and its accounts");
    place.remove_data()?;
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    step.done();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_run_at_a_time_has_the_lock() {
        let name = format!("ticker-{}.lock", secrets::unique_suffix().expect("random"));
        let path = std::env::temp_dir().join(name);
        let first = lock(&path).expect("free");
        let error = lock(&path).expect_err("taken").to_string();
        assert!(error.contains("another `cargo xtask dev`"), "{error}");
        drop(first);
        drop(lock(&path).expect("free again"));
        fs::remove_file(&path).expect("removed");
    }
}

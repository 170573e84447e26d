//! A small file system under a part of the cluster, and what fills it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::ground::Ground;
use crate::process;
use crate::progress;

/// A file system of a bounded size that a folder of the cluster has been moved to. Dropping it takes it away.
pub(super) struct SmallDisk {
    folder: PathBuf,
}

/// Room for what is moved there, and some to fill.
const SIZE: &str = "size=320m";

impl SmallDisk {
    /// Moves a folder of the cluster, which does not run, to a small file system of that name; `None` where
    /// none can be had, and says why.
    ///
    /// # Errors
    /// When the folder does not survive it.
    pub(super) fn under(ground: &Ground, name: &str, moved: &Path) -> Result<Option<Self>> {
        let folder = ground.place.folder().join(name);
        fs::create_dir(&folder).context("cannot make a folder")?;
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", SIZE, "tmpfs"])
            .arg(&folder);
        if let Err(error) = process::output_of(&mut mount, "") {
            progress::say(&format!("  {error:#}"));
            return Ok(None);
        }
        let disk = Self { folder };
        let new = disk.folder.join("moved");
        let mut copy = Command::new("cp");
        process::output_of(copy.arg("-a").arg(moved).arg(&new), "")?;
        fs::remove_dir_all(moved).context("cannot remove a folder from its first place")?;
        std::os::unix::fs::symlink(&new, moved).context("cannot say where a folder is now")?;
        Ok(Some(disk))
    }

    /// Takes all the room that is left.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub(super) fn fill(&self) -> Result<()> {
        let mut file = File::create(self.ballast()).context("cannot make ballast")?;
        for length in [1 << 20, 1 << 12] {
            let bytes = vec![0; length];
            while file.write_all(&bytes).is_ok() {}
        }
        Ok(())
    }

    /// Gives it back.
    ///
    /// # Errors
    /// When it cannot be given back.
    pub(super) fn free(&self) -> Result<()> {
        fs::remove_file(self.ballast()).context("cannot remove the ballast")
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A server that still runs on it keeps it until it ends.
        let _ = process::output_of(Command::new("umount").arg("--lazy").arg(&self.folder), "");
    }
}

//! Where a cluster lives, and whom it belongs to.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::secrets;
use crate::user::User;
use crate::workspace::Workspace;

/// Where root keeps the clusters of checkouts that nobody else may enter (such as those below /root).
/// Not below /var/tmp, from where many systems remove what was not used for some weeks.
const ROOTS_FOLDER: &str = "/var/lib/ticker-dev";

/// A folder that is ours, with the cluster's data in it, which is PostgreSQL's user's.
pub(crate) struct Place {
    folder: PathBuf,
    pub(crate) user: Option<User>,
}

impl Place {
    /// The place of this checkout's development database: in the checkout, unless the user that
    /// PostgreSQL has to run as cannot get there.
    ///
    /// # Errors
    /// When root has no user to run PostgreSQL as.
    pub(crate) fn of_checkout(workspace: &Workspace) -> Result<Self> {
        let user = User::for_postgres()?;
        let folder = match &user {
            Some(user) if !user.can_enter(&workspace.root) => {
                Path::new(ROOTS_FOLDER).join(checkout_key(&workspace.root))
            }
            _ => workspace.state().join("postgres"),
        };
        Ok(Self { folder, user })
    }

    /// The folder that holds everything.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The cluster itself.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What the server says, of its latest run.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("postgres.log")
    }

    /// The programs, where they had to be fetched.
    pub(crate) fn fetched(&self) -> PathBuf {
        self.folder.join("programs")
    }

    /// The release that made the cluster; `None` when there is none yet.
    pub(crate) fn major(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Makes the folder. Others may pass through it, but not look around in it.
    ///
    /// # Errors
    /// When something else is in its place or belongs to somebody else.
    pub(crate) fn make_folder(&self) -> Result<()> {
        make_passage(&self.folder)
    }

    /// Makes an empty folder for the user that PostgreSQL runs as, beside the cluster's, for initdb.
    /// What an initdb that was killed left there is removed.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn make_new_data(&self) -> Result<PathBuf> {
        let new = self.new_data();
        remove_folder(&new)?;
        fs::create_dir(&new).with_context(|| format!("cannot make {}", new.display()))?;
        set_mode(&new, 0o700)?;
        if let Some(user) = &self.user {
            user.own(&new)?;
        }
        Ok(new)
    }

    /// Removes the cluster and its log, leaving fetched programs.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub(crate) fn remove_data(&self) -> Result<()> {
        remove_folder(&self.new_data())?;
        remove_folder(&self.data())?;
        if self.log().exists() {
            fs::remove_file(self.log()).context("cannot remove the log of PostgreSQL")?;
        }
        Ok(())
    }

    fn new_data(&self) -> PathBuf {
        self.folder.join("data.new")
    }
}

/// A place that vanishes with the value.
pub(crate) struct TemporaryPlace {
    place: Place,
}

impl TemporaryPlace {
    /// A new place among the temporary files.
    ///
    /// # Errors
    /// When there is nowhere to write that PostgreSQL's user may enter.
    pub(crate) fn new() -> Result<Self> {
        let user = User::for_postgres()?;
        let mut parent = std::env::temp_dir();
        // Some accounts have a temporary folder of their own that only they may enter.
        if user.as_ref().is_some_and(|user| !user.can_enter(&parent)) {
            parent = PathBuf::from("/tmp");
        }
        let folder = parent.join(format!("ticker-{}", secrets::unique_suffix()?));
        let place = Place { folder, user };
        place.make_folder()?;
        Ok(Self { place })
    }
}

impl std::ops::Deref for TemporaryPlace {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Drop for TemporaryPlace {
    fn drop(&mut self) {
        // Nothing depends on it; the system empties its temporary folder anyway.
        let _ = fs::remove_dir_all(&self.place.folder);
    }
}

/// Makes a folder that belongs to us and that others may only pass through, or checks that it is one:
/// in a shared place somebody could have put theirs there before.
fn make_passage(folder: &Path) -> Result<()> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("cannot make {}", folder.display()));
        }
        _ => {}
    }
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.uid() != rustix::process::geteuid().as_raw() {
        bail!("{} is not a folder of ours; remove it", folder.display());
    }
    set_mode(folder, 0o711)
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn set_mode(folder: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the rights of {}", folder.display()))
}

/// A short name for a checkout, the same in every run (FNV-1a over its path).
fn checkout_key(root: &Path) -> String {
    let hash = root
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_checkout_never_changes() {
        // Published test vectors of FNV-1a, 64 bits.
        assert_eq!(checkout_key(Path::new("")), "cbf29ce484222325");
        assert_eq!(checkout_key(Path::new("foobar")), "85944171f73967e8");
    }

    #[test]
    fn somebody_elses_file_is_not_taken_for_a_place() {
        let name = format!("ticker-{}", secrets::unique_suffix().expect("random"));
        let folder = std::env::temp_dir().join(name);
        std::os::unix::fs::symlink("/", &folder).expect("linked");
        let error = make_passage(&folder).expect_err("a link").to_string();
        fs::remove_file(&folder).expect("removed");
        assert!(error.contains("not a folder of ours"), "{error}");
    }
}

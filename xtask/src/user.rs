//! PostgreSQL refuses to run as root, so root hands it to a user who may do nothing else.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// An account of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// Whom PostgreSQL is to run as: `None` means ourselves; for root the distribution's `postgres`, else
    /// `nobody`.
    ///
    /// # Errors
    /// When we are root and the machine has neither user.
    pub(crate) fn for_postgres() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let accounts = std::fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| find(&accounts, name))
            .map(Some)
            .context("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`")
    }

    /// Whether this user may enter `folder`.
    pub(crate) fn can_enter(&self, folder: &Path) -> bool {
        let mut command = Command::new("test");
        command.arg("-x").arg(folder).current_dir("/");
        run_as(&mut command, Some(self));
        process::capture(&mut command, "").is_ok_and(|done| done.status.success())
    }

    /// Makes this user the owner of a file or folder.
    ///
    /// # Errors
    /// When the file is not there.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("cannot give {} to {}", path.display(), self.name))
    }
}

/// Lets a command run as `user`; the standard library drops root's supplementary groups with it.
pub(crate) fn run_as(command: &mut Command, user: Option<&User>) {
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
}

fn find(accounts: &str, name: &str) -> Option<User> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        // Somebody may have mapped the name to root's number; that would defeat the purpose.
        (uid != 0).then(|| User {
            name: name.to_owned(),
            uid,
            gid,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_name() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65533::/:/bin/false\n\
                        postgresql:x:7:7::/:/bin/sh\npostgres:x:0:0::/:/bin/sh\n";
        let nobody = User {
            name: "nobody".to_owned(),
            uid: 65534,
            gid: 65533,
        };
        assert_eq!(find(accounts, "nobody"), Some(nobody));
        assert_eq!(find(accounts, "postgres"), None, "has root's number");
        assert_eq!(find(accounts, "absent"), None);
    }
}

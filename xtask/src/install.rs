//! The distribution's packages: whether they may be installed, and how.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use crate::process;
use crate::progress::Step;
use crate::version::Version;

/// The right to install Debian packages: as root, or through a `sudo` that asks nothing.
pub(crate) struct Apt {
    prefix: &'static [&'static str],
}

impl Apt {
    /// `None` where this is no Debian or Ubuntu, or where we may not install.
    pub(crate) fn available() -> Option<Self> {
        process::find_on_path("apt-get")?;
        if rustix::process::geteuid().is_root() {
            return Some(Self { prefix: &[] });
        }
        process::find_on_path("sudo")?;
        let asks_nothing = process::capture(Command::new("sudo").args(["-n", "true"]), "");
        asks_nothing
            .is_ok_and(|done| done.status.success())
            .then_some(Self {
                prefix: &["sudo", "-n"],
            })
    }

    /// Renews the lists of packages, once in a run.
    ///
    /// # Errors
    /// When `apt-get update` fails, with the end of its output.
    pub(crate) fn update(&self) -> Result<()> {
        static DONE: AtomicBool = AtomicBool::new(false);
        if DONE.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let step = Step::start("Fetching the distribution's list of packages");
        self.run(&["apt-get", "update", "-qq"])?;
        step.done();
        Ok(())
    }

    /// Installs packages without what they merely recommend.
    ///
    /// # Errors
    /// When `apt-get install` fails, with the end of its output.
    pub(crate) fn install(&self, packages: &[&str]) -> Result<()> {
        let step = Step::start(format!("Installing {}", packages.join(", ")));
        // Fresh machines install their updates in the background: wait for that.
        let options = [
            "-y",
            "-qq",
            "--no-install-recommends",
            "-oDPkg::Lock::Timeout=300",
        ];
        self.run(&[&["apt-get", "install"], &options[..], packages].concat())?;
        step.done();
        Ok(())
    }

    /// Runs a command with the right to install.
    ///
    /// # Errors
    /// When it fails, with the end of its output.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<()> {
        let line = [
            self.prefix,
            &["env", "DEBIAN_FRONTEND=noninteractive"],
            arguments,
        ]
        .concat();
        let mut command = Command::new(line[0]);
        process::output_of(command.args(&line[1..]), "")
            .with_context(|| format!("`{}` failed", arguments.join(" ")))?;
        Ok(())
    }
}

/// The version of a package that the distribution offers now.
pub(crate) fn offered(package: &str) -> Option<Version> {
    let mut command = Command::new("apt-cache");
    let policy = process::output_of(command.args(["policy", package]), "").ok()?;
    candidate(&policy)
}

/// The distribution's name as `/etc/os-release` has it ("debian", "ubuntu"), or nothing.
pub(crate) fn distribution() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    identifier(&text).to_owned()
}

/// Unpacks one package into a folder without installing it, for programs whose package would start a
/// service. Needs no rights, only lists of packages.
///
/// # Errors
/// When it cannot be fetched or unpacked.
pub(crate) fn unpack(package: &str, into: &Path) -> Result<()> {
    let context = || format!("cannot write {}", into.display());
    std::fs::create_dir_all(into).with_context(context)?;
    process::output_of(
        Command::new("apt-get")
            .args(["download", "-qq", package])
            .current_dir(into),
        "",
    )?;
    for entry in std::fs::read_dir(into).with_context(context)? {
        let file = entry.with_context(context)?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            process::output_of(Command::new("dpkg").arg("-x").arg(&file).arg(into), "")?;
            std::fs::remove_file(&file).with_context(context)?;
        }
    }
    Ok(())
}

fn candidate(policy: &str) -> Option<Version> {
    policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate:"))
        .and_then(Version::find)
}

fn identifier(os_release: &str) -> &str {
    os_release
        .lines()
        .find_map(|line| line.strip_prefix("ID="))
        .map(|value| value.trim_matches('"'))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offered_version_is_the_candidate_not_the_installed_one() {
        let policy =
            "postgresql:\n  Installed: 13+225\n  Candidate: 15+248+deb12u1\n  Version table:\n";
        assert_eq!(candidate(policy), Version::find("15"));
        assert_eq!(
            candidate("postgresql:\n  Installed: (none)\n  Candidate: (none)\n"),
            None
        );
        assert_eq!(candidate(""), None);
    }

    #[test]
    fn the_distribution_is_the_id_not_what_it_is_like() {
        assert_eq!(
            identifier("NAME=\"Pop\"\nID_LIKE=\"ubuntu debian\"\nID=pop\n"),
            "pop"
        );
        assert_eq!(identifier("ID=\"ubuntu\"\n"), "ubuntu");
        assert_eq!(identifier(""), "");
    }
}

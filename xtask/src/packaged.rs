//! Programs of the monitoring, as Debian packages them. They are unpacked among the tools and not installed,
//! because their packages would start services.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::install::{self, Apt};
use crate::process;
use crate::progress::Step;
use crate::tools;
use crate::version::Version;

/// A program that a distribution's package brings.
pub(crate) struct Packaged {
    pub(crate) name: &'static str,
    /// What it is called there, if otherwise.
    named_there: &'static str,
    /// It is in one of them; which one differs between releases.
    packages: &'static [&'static str],
}

pub(crate) const PROMETHEUS: Packaged = Packaged {
    name: "prometheus",
    named_there: "prometheus",
    packages: &["prometheus"],
};
pub(crate) const PROMTOOL: Packaged = Packaged {
    name: "promtool",
    named_there: "promtool",
    packages: &["prometheus", "promtool"],
};
pub(crate) const AMTOOL: Packaged = Packaged {
    name: "amtool",
    named_there: "amtool",
    packages: &["prometheus-alertmanager"],
};
pub(crate) const BLACKBOX_EXPORTER: Packaged = Packaged {
    name: "blackbox_exporter",
    named_there: "prometheus-blackbox-exporter",
    packages: &["prometheus-blackbox-exporter"],
};

impl Packaged {
    /// Where the program is, if it is there already.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        let unpacked = tools::cache().map(|cache| {
            let folder = cache.join(self.packages[0]);
            folder.join("usr/bin").join(self.named_there)
        });
        process::find_on_path(self.name)
            .or_else(|| process::find_on_path(self.named_there))
            .or(unpacked)
            .filter(|program| version_of(program).is_some())
    }

    /// Finds the program, or unpacks the distribution's package.
    ///
    /// # Errors
    /// In one sentence what to install.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        if let Some(program) = self.find() {
            return Ok(program);
        }
        if let Some(cache) = tools::cache()
            && process::find_on_path("apt-get").is_some()
        {
            if let Some(apt) = Apt::available() {
                apt.update()?;
            }
            let step = Step::start(format!("Unpacking {}", self.name));
            for package in self.packages {
                if install::offered(package).is_some() {
                    install::unpack(package, &cache.join(self.packages[0]))?;
                }
            }
            step.done();
        }
        self.find().with_context(|| {
            format!(
                "`{}` is needed: put it on PATH (Debian and Ubuntu have it in the package {})",
                self.name,
                self.packages.join(" or ")
            )
        })
    }
}

/// The version that a program tells; none if it does not run.
pub(crate) fn version_of(program: &Path) -> Option<Version> {
    let done = process::capture(Command::new(program).arg("--version"), "").ok()?;
    done.status.success().then(|| Version::find(&done.text()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_run_is_none() {
        assert!(version_of(Path::new("/bin/false")).is_none());
        assert!(version_of(Path::new("/nonexistent")).is_none());
    }
}

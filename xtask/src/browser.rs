//! The browser that some tests drive, with its WebDriver server.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::install::{self, Apt};
use crate::packaged::version_of;
use crate::process;
use crate::version::Version;

const CHROMIUM: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
const CHROMEDRIVER: [&str; 2] = ["chromedriver", "chromium.chromedriver"];
/// Where programs are that distributions do not put on everybody's PATH.
const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/lib/chromium", "/snap/bin"];

/// Headless Chromium and the server that drives it.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

impl Browser {
    /// What is there, without installing anything.
    ///
    /// # Errors
    /// When browser and driver are of different releases, which do not work together.
    pub(crate) fn find() -> Result<Option<Self>> {
        // Ubuntu's package is a stand-in for a snap that the tests cannot drive; it is passed over
        // because it does not tell a version without snapd.
        let (Some((chromium, browser)), Some((driver, server))) =
            (find_any(&CHROMIUM), find_any(&CHROMEDRIVER))
        else {
            return Ok(None);
        };
        if browser.major() != server.major() {
            bail!(
                "{} is release {browser} but {} is release {server}: install both of the same release",
                chromium.display(),
                driver.display()
            );
        }
        Ok(Some(Self { chromium, driver }))
    }

    /// Finds them or installs the distribution's packages.
    ///
    /// # Errors
    /// In one sentence what to install.
    pub(crate) fn ensure() -> Result<Self> {
        if let Some(browser) = Self::find()? {
            return Ok(browser);
        }
        if install::distribution() == "ubuntu" {
            bail!(
                "the browser tests need Chrome and chromedriver of the same release on PATH, which \
                 Ubuntu's own packages (snaps) do not give: install google-chrome-stable and its chromedriver"
            );
        }
        if let Some(apt) = Apt::available() {
            apt.update()?;
            // Without a font Chromium draws no text, and screenshots show none.
            apt.install(&["chromium", "chromium-driver", "fonts-dejavu-core"])?;
        }
        Self::find()?.context(
            "the browser tests need Chromium and its driver: install them (on Debian `apt-get install \
             chromium chromium-driver`)",
        )
    }
}

fn find_any(names: &[&str]) -> Option<(PathBuf, Version)> {
    let elsewhere = |name: &&str| FOLDERS.map(|folder| Path::new(folder).join(name));
    let on_path = names.iter().filter_map(|name| process::find_on_path(name));
    on_path
        .chain(names.iter().flat_map(elsewhere))
        .find_map(|path| version_of(&path).map(|version| (path, version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_that_tells_no_version_is_passed_over() {
        assert_eq!(version_of(Path::new("/bin/false")), None);
        assert_eq!(version_of(Path::new("/nonexistent")), None);
        assert_eq!(find_any(&["ticker-no-such-program"]), None);
    }
}

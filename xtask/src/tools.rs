//! Cargo's helpers that are built from source: pinned, built once, shared by all checkouts.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::progress;
use crate::version::Version;

/// A helper at the version that this project is tested with.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    version: &'static str,
}

pub(crate) const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    version: "0.9.143",
};
pub(crate) const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
};
pub(crate) const MACHETE: Tool = Tool {
    name: "cargo-machete",
    version: "0.9.2",
};

impl Tool {
    /// Finds the tool on PATH (this version or a newer one) or in the cache, else builds it.
    ///
    /// # Errors
    /// When it has to be built and does not build, for instance without a network.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        if let Some(program) = self.find() {
            return Ok(program);
        }
        self.build()?;
        self.find()
            .with_context(|| format!("{} {} was built but does not run", self.name, self.version))
    }

    /// Where the tool is, if it is there already.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        let cached = cache().map(|cache| self.root(&cache).join("bin").join(self.name));
        [process::find_on_path(self.name), cached]
            .into_iter()
            .flatten()
            .find(|program| self.is_new_enough(program))
    }

    fn build(&self) -> Result<()> {
        let root = self.root(&cache().context("neither XDG_CACHE_HOME nor HOME is set")?);
        progress::heading(&format!(
            "Building {} {} (only this once; it takes some minutes)",
            self.name, self.version
        ));
        let mut command = process::cargo();
        command
            .args([
                "install",
                "--locked",
                "--force",
                "--version",
                self.version,
                self.name,
            ])
            .arg("--root")
            .arg(&root)
            // Outside the checkout, whose cargo settings are for its own crates.
            .current_dir("/");
        if process::show(&mut command)?.success() {
            return Ok(());
        }
        bail!(
            "{} {} cannot be built here (see above)",
            self.name,
            self.version
        );
    }

    fn root(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-{}", self.name, self.version))
    }

    fn is_new_enough(&self, program: &Path) -> bool {
        let mut command = Command::new(program);
        let said = process::output_of(command.arg("--version"), "").unwrap_or_default();
        Version::find(&said) >= Version::find(self.version)
    }
}

/// The folder for tools that are kept between runs and shared by checkouts.
pub(crate) fn cache() -> Option<PathBuf> {
    cache_in(
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from),
        std::env::home_dir(),
    )
}

fn cache_in(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    // The XDG specification: a relative path is invalid and to be ignored.
    xdg.filter(|path| path.is_absolute())
        .or_else(|| {
            home.filter(|path| path.is_absolute())
                .map(|home| home.join(".cache"))
        })
        .map(|cache| cache.join("ticker/tools"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_xdg_specification_has_it() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            cache_in(path("/xdg"), path("/home/a")),
            path("/xdg/ticker/tools")
        );
        assert_eq!(
            cache_in(path("relative"), path("/home/a")),
            path("/home/a/.cache/ticker/tools")
        );
        assert_eq!(
            cache_in(None, path("/home/a")),
            path("/home/a/.cache/ticker/tools")
        );
        assert_eq!(cache_in(None, None), None);
    }

    #[test]
    fn an_older_tool_or_none_is_not_taken() {
        let tool = |version| Tool {
            name: "cargo",
            version,
        };
        let cargo = process::find_on_path("cargo").expect("cargo runs the tests");
        assert!(tool("1.90.0").is_new_enough(&cargo));
        assert!(!tool("999.0.0").is_new_enough(&cargo));
        assert!(!tool("1.0.0").is_new_enough(Path::new("/bin/false")));
        assert!(!tool("1.0.0").is_new_enough(Path::new("/nonexistent")));
    }
}

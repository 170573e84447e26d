//! The checkout: where it is, where cargo builds it, what its crates depend on.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// This checkout, as cargo describes it.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// A crate of this workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
}

/// What a crate's manifest asks for.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// For what a dependency is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Development,
    Build,
}

impl Workspace {
    /// Asks cargo, without resolving or downloading anything.
    ///
    /// # Errors
    /// When a manifest is broken.
    pub(crate) fn load() -> Result<Self> {
        // cargo sets it for what it runs; the program may be older than the place the checkout has now.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let text = process::output_of(
            process::cargo()
                .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
                .current_dir(&manifest),
            "",
        )?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
        Ok(Self {
            root: path(&metadata["workspace_root"]).context("cargo metadata has no root")?,
            target: path(&metadata["target_directory"]).context("cargo metadata has no target")?,
            packages: packages(&metadata),
        })
    }

    /// The folder for everything that the commands keep in the checkout; ignored by git.
    pub(crate) fn state(&self) -> PathBuf {
        self.root.join(".ticker")
    }

    /// The application's binary as `cargo build` leaves it.
    pub(crate) fn application(&self) -> PathBuf {
        self.target.join("debug").join("ticker")
    }

    /// A path as a reader in the checkout would write it.
    pub(crate) fn relative<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

fn packages(metadata: &Value) -> Vec<Package> {
    let list = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut packages: Vec<Package> = list
        .iter()
        .filter_map(|package| {
            Some(Package {
                name: package["name"].as_str()?.to_owned(),
                folder: path(&package["manifest_path"])?.parent()?.to_owned(),
                dependencies: package["dependencies"]
                    .as_array()?
                    .iter()
                    .filter_map(dependency)
                    .collect(),
            })
        })
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    packages
}

fn dependency(value: &Value) -> Option<Dependency> {
    let kind = match value["kind"].as_str() {
        None => Kind::Normal,
        Some("dev") => Kind::Development,
        Some(_) => Kind::Build,
    };
    Some(Dependency {
        name: value["name"].as_str()?.to_owned(),
        kind,
    })
}

fn path(value: &Value) -> Option<PathBuf> {
    value.as_str().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_understood() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "ticker-http",
            "manifest_path": "/here/crates/ticker-http/Cargo.toml",
            "dependencies": [
                { "name": "ticker-app", "kind": null },
                { "name": "ticker-testkit", "kind": "dev" },
                { "name": "cc", "kind": "build" },
            ],
        }]});
        let [package] = &packages(&metadata)[..] else {
            panic!("one package")
        };
        assert_eq!(package.folder, Path::new("/here/crates/ticker-http"));
        let kinds: Vec<Kind> = package.dependencies.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [Kind::Normal, Kind::Development, Kind::Build]);
    }
}

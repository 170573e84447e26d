//! Ticker's own images: releases to deploy, some of them broken on purpose.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::Build;
use super::images::{self, Images};
use super::names::Name;
use super::registry;
use crate::machine;
use crate::process;
use crate::progress::{self, Step};
use crate::workspace::Workspace;

/// A release of the lab; `lab/releases` says what is special about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Release {
    V1,
    V2,
    NeverHealthy,
    Crashing,
}

impl Release {
    /// Its tag: `never-healthy`.
    pub(crate) fn tag(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The image, as the nodes call it.
    pub(crate) fn image(self) -> Name {
        Name::new(&format!("{}/ticker:{}", registry::HOST, self.tag()))
    }
}

/// Builds every release and returns their names.
///
/// # Errors
/// When Ticker does not build.
pub(crate) fn build(
    workspace: &Workspace,
    images: &mut Images<'_>,
    build: Build,
) -> Result<Vec<Name>> {
    let base = Name::new("ticker-lab/ticker:latest");
    let (dockerfile, context) = match build {
        Build::Dockerfile => (workspace.root.join("Dockerfile"), workspace.root.clone()),
        Build::Packed => pack(workspace)?,
    };
    images.ensure_bases(&dockerfile)?;
    let step = Step::start("Building Ticker's image");
    let commit = machine::commit(workspace);
    let commit = commit["id"].as_str().unwrap_or("unknown");
    let options = [format!("--build-arg=TICKER_COMMIT={commit}")];
    images::build(&base, &dockerfile, &context, &options)?;
    step.done();
    let folder = workspace.root.join("lab/releases");
    let mut names = Vec::new();
    for release in Release::value_variants() {
        let dockerfile = folder.join(format!("{}.Dockerfile", release.tag()));
        images.ensure_bases(&dockerfile)?;
        let options = [format!("--build-arg=TICKER={base}")];
        images::build(&release.image(), &dockerfile, &folder, &options)?;
        names.push(release.image());
    }
    Ok(names)
}

/// Builds the programs and lays them beside a Dockerfile that packs them.
fn pack(workspace: &Workspace) -> Result<(PathBuf, PathBuf)> {
    progress::heading("Building Ticker's programs");
    let mut command = process::cargo();
    command
        .args(["build", "--package=ticker-server"])
        .arg("--package=ticker-autoscaler")
        .current_dir(&workspace.root);
    if !process::show(&mut command)?.success() {
        bail!("they do not build (see above)");
    }
    let folder = workspace.state().join("lab/packed");
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).context("cannot make the folder of packed programs")?;
    let copy = |from: &Path, to: PathBuf| {
        fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))
    };
    for program in ["ticker", "ticker-autoscaler"] {
        let built = workspace.target.join("debug").join(program);
        copy(&built, programs.join(program))?;
    }
    copy(&workspace.root.join("LICENSE"), folder.join("LICENSE"))?;
    let ours = fs::read_to_string(workspace.root.join("Dockerfile"));
    let system = fs::read_to_string("/etc/os-release").context("this is no Linux")?;
    let suite = system
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .context("which Debian this is, is not known")?;
    let dockerfile = folder.join("Dockerfile");
    let text = packing(&ours.context("cannot read the Dockerfile")?, suite);
    fs::write(&dockerfile, text.context("the Dockerfile has no stages")?)
        .context("cannot write a Dockerfile")?;
    Ok((dockerfile, folder))
}

/// A Dockerfile whose last stage is the project's own, on the Debian of this machine, whose libraries the
/// programs want; what the other stages make is in the context instead.
fn packing(dockerfile: &str, suite: &str) -> Option<String> {
    let (_, last) = dockerfile.rsplit_once("\nFROM ")?;
    let (_, last) = last.split_once('\n')?;
    Some(format!(
        "FROM scratch AS build\nCOPY programs /programs\n\
         FROM scratch AS bill-of-materials\nCOPY LICENSE /bill-of-materials/LICENSE\n\
         FROM debian:{suite}-slim\n{last}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_has_the_projects_last_stage() {
        let ours = "FROM rust AS build\nRUN make\n\nFROM scratch\nCOPY --from=build /programs/ /bin/\nUSER 1\n";
        let text = packing(ours, "trixie").expect("a Dockerfile");
        let (_, last) = text.rsplit_once("FROM ").expect("stages");
        assert_eq!(
            last,
            "debian:trixie-slim\nCOPY --from=build /programs/ /bin/\nUSER 1\n"
        );
        assert!(!text.contains("rust"), "{text}");
        assert_eq!(packing("RUN make", "trixie"), None);
    }

    #[test]
    fn the_projects_dockerfile_can_be_packed_and_every_release_has_its_own() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let ours = fs::read_to_string(root.join("Dockerfile")).expect("there");
        let text = packing(&ours, "trixie").expect("a Dockerfile");
        assert!(text.contains("\nENTRYPOINT "), "{text}");
        // Stages that are not in the context's stead would be looked for in a registry.
        for line in text.lines().filter(|line| line.contains("--from=")) {
            let is_known =
                line.contains("--from=build ") || line.contains("--from=bill-of-materials ");
            assert!(is_known, "{line}");
        }
        for release in Release::value_variants() {
            let file = format!("lab/releases/{}.Dockerfile", release.tag());
            assert!(root.join(&file).is_file(), "{file}");
        }
    }
}

//! Stand-ins for the images of others, made of Debian's packages under the names that the project uses.
//!
//! A folder of `lab/images` bears the last part of the name of the image that it stands in for. What a folder's
//! Dockerfile is based on is made first, down to `debian:<suite>-slim`, which mmdebstrap makes.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::definition::Definition;
use super::docker::{self, Docker};
use super::names::{self, Name};
use crate::process;
use crate::progress::Step;
use crate::secrets;
use crate::workspace::Workspace;

/// The label with the [`Definition`] that an image was made of.
const DEFINITION: &str = "ticker.lab.definition";
const DEBIAN: &str = "debian";
/// The image whose context is this machine's toolchain instead of its folder.
const RUST: &str = "rust";
/// Whom this machine trusts. A network may have an authority of its own before the registry of crates.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
const DEBIAN_OPTIONS: [&str; 9] = [
    "--quiet",
    "--variant=minbase",
    "--include=ca-certificates",
    "--aptopt=Acquire::Languages \"none\"",
    // A mirror may be a snapshot of some weeks ago.
    "--aptopt=Acquire::Check-Valid-Until \"false\"",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    // Packages with services want to start them as they are installed.
    "--customize-hook=printf '#!/bin/sh\\nexit 101\\n' >\"$1/usr/sbin/policy-rc.d\"; chmod 755 \"$1/usr/sbin/policy-rc.d\"",
];

/// The images that this run knows to be there.
pub(crate) struct Images<'a> {
    workspace: &'a Workspace,
    docker: Docker,
    /// What they were made of.
    made: HashMap<Name, String>,
}

impl<'a> Images<'a> {
    /// None so far.
    pub(crate) fn new(workspace: &'a Workspace) -> Self {
        Self {
            workspace,
            docker: Docker::here(),
            made: HashMap::new(),
        }
    }

    /// Makes an image unless it is there and its definition has not changed since. `false`: there is no
    /// stand-in for it.
    ///
    /// # Errors
    /// When it cannot be made, with the end of what was said.
    pub(crate) fn ensure(&mut self, name: &Name) -> Result<bool> {
        if self.made.contains_key(name) {
            return Ok(true);
        }
        if name.short() == DEBIAN {
            self.ensure_debian(name)?;
            return Ok(true);
        }
        let folder = self.workspace.root.join("lab/images").join(name.short());
        if !folder.is_dir() {
            let step = Step::start(format!("Making {name}"));
            step.passed_over(&format!(
                "{name} has no stand-in; it stays away from the lab"
            ));
            return Ok(false);
        }
        let context = match name.short().as_str() {
            RUST => self.toolchain()?,
            _ => folder.clone(),
        };
        let mut definition = Definition::default();
        definition.add_folder(&folder)?;
        // A toolchain is told by its folder, which names its release.
        definition.add(&context.to_string_lossy());
        let dockerfile = folder.join("Dockerfile");
        let bases = self.ensure_bases(&dockerfile)?;
        for digest in &bases {
            definition.add(digest);
        }
        self.ensure_made(name, &definition.digest(), |label| {
            build(name, &dockerfile, &context, &[format!("--label={label}")])
        })?;
        Ok(true)
    }

    /// Makes the images that a Dockerfile is based on, and returns what they were made of.
    ///
    /// # Errors
    /// When one of them cannot be made.
    pub(crate) fn ensure_bases(&mut self, dockerfile: &Path) -> Result<Vec<String>> {
        let text = fs::read_to_string(dockerfile)
            .with_context(|| format!("cannot read {}", dockerfile.display()))?;
        let mut digests = Vec::new();
        for base in names::in_dockerfile(&text) {
            self.ensure(&base)?;
            let digest = self
                .made
                .get(&base)
                .with_context(|| format!("{} is based on {base}", dockerfile.display()))?;
            digests.push(digest.clone());
        }
        Ok(digests)
    }

    fn ensure_debian(&mut self, name: &Name) -> Result<()> {
        let suite = name.tag().trim_end_matches("-slim");
        let mut options = DEBIAN_OPTIONS.map(str::to_owned).to_vec();
        let mut definition = Definition::default();
        if let Ok(authorities) = fs::read_to_string(AUTHORITIES) {
            options.push(format!(
                "--customize-hook=copy-in {AUTHORITIES} /etc/ssl/certs"
            ));
            definition.add(&authorities);
        }
        definition.add(suite);
        for option in &options {
            definition.add(option);
        }
        self.ensure_made(name, &definition.digest(), |label| {
            let suffix = secrets::unique_suffix()?;
            let archive = std::env::temp_dir().join(format!("ticker-lab-{suffix}.tar"));
            let made = make_debian(suite, &options, &archive).and_then(|()| {
                let changes = ["CMD [\"bash\"]", &format!("LABEL {label}")];
                let changes = changes.map(|change| format!("--change={change}"));
                let archive = archive.to_string_lossy();
                let arguments = ["import", &changes[0], &changes[1], &archive, name.as_str()];
                Docker::here().ask(&arguments).map(drop)
            });
            // Of a run that failed there may be none.
            let _ = fs::remove_file(&archive);
            made
        })
    }

    fn ensure_made(
        &mut self,
        name: &Name,
        digest: &str,
        make: impl FnOnce(&str) -> Result<()>,
    ) -> Result<()> {
        let format = format!("{{{{index .Config.Labels \"{DEFINITION}\"}}}}");
        let there = ["image", "inspect", "--format", &format, name.as_str()];
        if self.docker.ask_if_there(&there)?.as_deref() != Some(digest) {
            let step = Step::start(format!("Making {name}"));
            make(&format!("{DEFINITION}={digest}"))?;
            step.done();
        }
        self.made.insert(name.clone(), digest.to_owned());
        Ok(())
    }

    fn toolchain(&self) -> Result<PathBuf> {
        let mut command = Command::new("rustc");
        command
            .args(["--print", "sysroot"])
            .current_dir(&self.workspace.root);
        let folder = process::output_of(&mut command, "")?;
        let folder = fs::canonicalize(folder.trim());
        folder.context("the Rust toolchain is not where rustc says")
    }
}

/// Builds an image, whatever is there.
///
/// # Errors
/// When it does not build, with the end of what was said.
pub(crate) fn build(
    name: &Name,
    dockerfile: &Path,
    context: &Path,
    options: &[String],
) -> Result<()> {
    let mut command = docker::build()?;
    command
        .args(["--tag", name.as_str(), "--file"])
        .arg(dockerfile)
        .args(options)
        .arg(context);
    process::output_of(&mut command, "").with_context(|| format!("{name} cannot be built"))?;
    Ok(())
}

/// Removes every image that the lab has made, and what builds have kept.
///
/// # Errors
/// When the engine refuses.
pub(crate) fn remove() -> Result<()> {
    let docker = Docker::here();
    let step = Step::start("Removing the lab's images");
    let filter = format!("label={DEFINITION}");
    let format = "{{.Repository}}:{{.Tag}}";
    let names = ["image", "ls", "--filter", &filter, "--format", format];
    let names = docker.ask(&names)?;
    let mut arguments = vec!["image", "rm", "--force"];
    arguments.extend(names.lines());
    if arguments.len() > 3 {
        docker.ask(&arguments)?;
    }
    docker.ask(&["builder", "prune", "--force"])?;
    step.done();
    Ok(())
}

fn make_debian(suite: &str, options: &[String], archive: &Path) -> Result<()> {
    let mut command = Command::new("mmdebstrap");
    command.args(options).arg(suite).arg(archive).arg(mirror()?);
    process::output_of(&mut command, "")?;
    Ok(())
}

/// The mirror of Debian that this machine uses itself.
fn mirror() -> Result<String> {
    let mut command = Command::new("apt-get");
    let only = ["Created-By: Packages", "Origin: Debian", "Label: Debian"];
    let format = ["indextargets", "--format", "$(REPO_URI)"];
    let mirrors = process::output_of(command.args(format).args(only), "")?;
    let mirror = mirrors.lines().next().map(str::to_owned);
    mirror.context(
        "stand-ins are made of Debian's packages, and this machine knows no mirror of Debian",
    )
}

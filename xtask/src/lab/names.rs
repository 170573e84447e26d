//! Names of images, read from the files that use them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// The file that the nodes' images are named in.
const STACK: &str = "stack_prod.yaml";
/// The registry that a name without one belongs to.
const DEFAULT_REGISTRY: &str = "docker.io";

/// An image's name: `quay.io/prometheuscommunity/postgres-exporter:v0.17.1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Name(String);

impl Name {
    /// A name as a person would write it.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The whole name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is pulled from: `quay.io`, `docker.io`.
    pub(crate) fn registry(&self) -> &str {
        self.split().0
    }

    /// What it is called within its registry: `prometheuscommunity/postgres-exporter`, `library/postgres`.
    pub(crate) fn repository(&self) -> String {
        let (registry, path) = self.split();
        let path = path.rsplit_once(':').map_or(path, |(path, _)| path);
        if registry == DEFAULT_REGISTRY && !path.contains('/') {
            return format!("library/{path}");
        }
        path.to_owned()
    }

    /// The last part of the repository's name: `postgres-exporter`.
    pub(crate) fn short(&self) -> String {
        let repository = self.repository();
        let last = repository.rsplit('/').next();
        last.unwrap_or_default().to_owned()
    }

    /// `v0.17.1`.
    pub(crate) fn tag(&self) -> &str {
        let (_, path) = self.split();
        path.rsplit_once(':').map_or("latest", |(_, tag)| tag)
    }

    /// The first part is a registry if it looks like a host's name, as docker has it.
    fn split(&self) -> (&str, &str) {
        match self.0.split_once('/') {
            Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
                (first, rest)
            }
            _ => (DEFAULT_REGISTRY, &self.0),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The images of others that the stack file names.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn of_stack(workspace: &Workspace) -> Result<BTreeSet<Name>> {
    let file = workspace.root.join(STACK);
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {STACK}"))?;
    Ok(in_stack(&text))
}

/// The registries other than docker's own that the stack file's images are from.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn foreign_registries(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let names = of_stack(workspace)?;
    let registries = names.iter().map(Name::registry);
    Ok(registries
        .filter(|registry| *registry != DEFAULT_REGISTRY)
        .map(str::to_owned)
        .collect())
}

/// The images that a Dockerfile begins stages with; not its own stages, nor the empty one.
pub(crate) fn in_dockerfile(text: &str) -> BTreeSet<Name> {
    let mut stages = BTreeSet::from(["scratch"]);
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("FROM") {
            continue;
        }
        let words: Vec<&str> = words.filter(|word| !word.starts_with("--")).collect();
        let Some(first) = words.first() else { continue };
        if !stages.contains(first) && !first.contains('$') {
            names.insert(Name::new(first));
        }
        if let [_, "AS", stage] = words[..] {
            stages.insert(stage);
        }
    }
    names
}

fn in_stack(text: &str) -> BTreeSet<Name> {
    let values = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("image:"));
    values
        .map(str::trim)
        // Ticker's own image, which is not taken from anybody.
        .filter(|value| !value.contains('$'))
        .map(Name::new)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &BTreeSet<Name>) -> Vec<&str> {
        names.iter().map(Name::as_str).collect()
    }

    #[test]
    fn names_are_taken_apart_as_docker_does() {
        for (text, registry, repository, short, tag) in [
            (
                "postgres:17.7",
                "docker.io",
                "library/postgres",
                "postgres",
                "17.7",
            ),
            (
                "prom/prometheus:v3",
                "docker.io",
                "prom/prometheus",
                "prometheus",
                "v3",
            ),
            ("quay.io/a/b-c:v1", "quay.io", "a/b-c", "b-c", "v1"),
            ("localhost/a", "localhost", "a", "a", "latest"),
            ("here:5000/a:b", "here:5000", "a", "a", "b"),
        ] {
            let name = Name::new(text);
            assert_eq!(
                (
                    name.registry(),
                    name.repository().as_str(),
                    name.short().as_str(),
                    name.tag()
                ),
                (registry, repository, short, tag),
                "{text}"
            );
        }
    }

    #[test]
    fn a_stack_names_each_image_once_and_ours_is_none_of_them() {
        let stack = "x: &x\n  image: ${TICKER_IMAGE:-ticker}:1\na:\n    image: b:2\nc:\n    image: a/b:1 \nd:\n  image: b:2\n";
        assert_eq!(texts(&in_stack(stack)), ["a/b:1", "b:2"]);
    }

    #[test]
    fn a_dockerfiles_own_stages_are_no_images() {
        let file = "# FROM nowhere\nFROM --platform=$BUILDPLATFORM rust:1 AS one\nRUN x\nFROM one AS two\n\
                    FROM ${BASE}\nFROM scratch\nFROM debian:sid-slim\nCOPY --from=one a b\n";
        assert_eq!(texts(&in_dockerfile(file)), ["debian:sid-slim", "rust:1"]);
    }
}

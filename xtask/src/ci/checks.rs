//! The checks themselves.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::Verdict;
use crate::arrows as crate_arrows;
use crate::install::Apt;
use crate::interrupt::Interrupted;
use crate::process;
use crate::sqlx_metadata as metadata;
use crate::tools::{self, Tool};
use crate::workspace::Workspace;

pub(super) fn fmt(workspace: &Workspace) -> Result<Verdict> {
    let color = if std::io::stderr().is_terminal() {
        "always"
    } else {
        "never"
    };
    cargo(
        workspace,
        &["fmt", "--all", "--check", "--", "--color", color],
        &[],
    )
}

pub(super) fn clippy(workspace: &Workspace) -> Result<Verdict> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ];
    cargo(workspace, &arguments, &[])
}

pub(super) fn doc(workspace: &Workspace) -> Result<Verdict> {
    let arguments = ["doc", "--workspace", "--no-deps", "--locked"];
    cargo(workspace, &arguments, &[("RUSTDOCFLAGS", "-D warnings")])
}

pub(super) fn arrows(workspace: &Workspace) -> Result<Verdict> {
    let violations = crate_arrows::violations(&workspace.packages);
    if violations.is_empty() {
        return Ok(Verdict::Fine);
    }
    bail!("{}", violations.join("\n"));
}

pub(super) fn sqlx_metadata(workspace: &Workspace) -> Result<Verdict> {
    metadata::check(workspace)?;
    Ok(Verdict::Fine)
}

pub(super) fn machete(workspace: &Workspace) -> Result<Verdict> {
    with_tool(&tools::MACHETE, |program| {
        let mut command = Command::new(program);
        command.args(["crates", "xtask"]);
        finish(workspace, &mut command)
    })
}

pub(super) fn deny(workspace: &Workspace) -> Result<Verdict> {
    with_tool(&tools::DENY, |program| {
        let mut command = Command::new(program);
        command.args(["--workspace", "check", "bans", "licenses", "sources"]);
        finish(workspace, &mut command)
    })
}

/// Known vulnerabilities. Their database lives elsewhere; that it cannot be fetched is not the code's
/// fault, but must be seen.
pub(super) fn advisories(workspace: &Workspace) -> Result<Verdict> {
    with_tool(&tools::DENY, |program| {
        let mut fetch = Command::new(program);
        fetch.args(["fetch", "db"]).current_dir(&workspace.root);
        let fetched = process::capture(&mut fetch, "")?;
        if !fetched.status.success() {
            let reason = process::last_lines(&fetched.text(), 3);
            return Ok(Verdict::Unreachable(format!(
                "their database cannot be fetched:\n{reason}"
            )));
        }
        let mut command = Command::new(program);
        command.args(["--workspace", "check", "--disable-fetch", "advisories"]);
        finish(workspace, &mut command)
    })
}

pub(super) fn shellcheck(workspace: &Workspace) -> Result<Verdict> {
    let scripts = shell_scripts(workspace)?;
    if scripts.is_empty() {
        return Ok(Verdict::Fine);
    }
    if process::find_on_path("shellcheck").is_none()
        && let Some(apt) = Apt::available()
    {
        apt.update()?;
        apt.install(&["shellcheck"])?;
    }
    let Some(program) = process::find_on_path("shellcheck") else {
        return Ok(Verdict::Impossible(
            "shellcheck is not installed".to_owned(),
        ));
    };
    let mut command = Command::new(program);
    command.arg("--").args(scripts);
    finish(workspace, &mut command)
}

/// The files of the checkout that are shell scripts, by their name or by their first line.
fn shell_scripts(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let files = files_of_checkout(workspace)?.into_iter();
    Ok(files
        .filter(|file| is_shell_script(&workspace.root.join(file)))
        .collect())
}

/// The files that git tracks or would, from the checkout's root.
pub(super) fn files_of_checkout(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut command = Command::new("git");
    command.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let files = process::output_of(command.current_dir(&workspace.root), "")?;
    let files = files.split('\0').filter(|file| !file.is_empty());
    Ok(files.map(PathBuf::from).collect())
}

/// What was taken over from elsewhere is what its checksums say, and nothing lies beside it unlisted.
pub(super) fn vendored(workspace: &Workspace) -> Result<Verdict> {
    let files = files_of_checkout(workspace)?;
    for sums in files.iter().filter(|file| file.ends_with("SHA256SUMS")) {
        let Some(folder) = sums.parent() else {
            continue;
        };
        let list = std::fs::read_to_string(workspace.root.join(sums))?;
        let beside = files
            .iter()
            .filter_map(|file| file.strip_prefix(folder).ok());
        let unlisted = unlisted(&list, beside);
        if !unlisted.is_empty() {
            bail!("{} does not list {}", sums.display(), unlisted.join(", "));
        }
        let mut command = Command::new("sha256sum");
        command.args(["--check", "--strict", "--quiet", "SHA256SUMS"]);
        if !process::show(command.current_dir(workspace.root.join(folder)))?.success() {
            bail!("{} does not fit what lies beside it", sums.display());
        }
    }
    Ok(Verdict::Fine)
}

/// The files of a vendored folder that its list of checksums leaves out, but for what is ours there.
fn unlisted<'f>(list: &str, files: impl Iterator<Item = &'f Path>) -> Vec<String> {
    let listed: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(_, file)| file)
        .collect();
    files
        .map(|file| file.display().to_string())
        .filter(|file| !matches!(file.as_str(), "README.md" | "SHA256SUMS"))
        .filter(|file| !listed.contains(&file.as_str()))
        .collect()
}

fn is_shell_script(file: &Path) -> bool {
    if file.extension().is_some_and(|extension| extension == "sh") {
        return file.is_file();
    }
    // A file with another ending is something else; reading them all would be slow and pointless.
    let first = if file.extension().is_none() {
        std::fs::read(file).ok()
    } else {
        None
    };
    first.is_some_and(|bytes| has_shell_line(&bytes))
}

fn has_shell_line(bytes: &[u8]) -> bool {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    line.strip_prefix("#!").is_some_and(|interpreter| {
        let last = interpreter.split(['/', ' ']).rfind(|word| !word.is_empty());
        last.is_some_and(|word| ["sh", "bash", "dash"].contains(&word))
    })
}

fn with_tool(tool: &Tool, check: impl FnOnce(&Path) -> Result<Verdict>) -> Result<Verdict> {
    match tool.ensure() {
        Ok(program) => check(&program),
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(error) => Ok(Verdict::Impossible(format!("{error:#}"))),
    }
}

fn cargo(workspace: &Workspace, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Verdict> {
    let mut command = process::cargo();
    command.args(arguments).envs(variables.iter().copied());
    finish(workspace, &mut command)
}

/// Runs a check to its end. Its output is only of interest when it fails, and then all of it.
pub(super) fn finish(workspace: &Workspace, command: &mut Command) -> Result<Verdict> {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let done = process::capture(command.current_dir(&workspace.root), "")?;
    if done.status.success() {
        return Ok(Verdict::Fine);
    }
    bail!("{}", done.text());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendored_file_without_a_checksum_is_found() {
        let files = ["README.md", "SHA256SUMS", "a-1/a.js", "a-1/b.js"];
        let list = "00ff  a-1/a.js\n";
        assert_eq!(unlisted(list, files.iter().map(Path::new)), ["a-1/b.js"]);
    }

    #[test]
    fn shell_scripts_are_known_by_their_first_line() {
        assert!(has_shell_line(b"#!/usr/bin/env bash\nset -eu\n"));
        assert!(has_shell_line(b"#!/bin/sh"));
        assert!(!has_shell_line(b"#!/usr/bin/env python3\n"));
        assert!(!has_shell_line(b"# bash\n"));
        assert!(!has_shell_line(b""));
    }
}

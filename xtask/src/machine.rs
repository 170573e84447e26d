//! What a run was made on, so that its figures can be told from those of another machine.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use crate::process;
use crate::workspace::Workspace;

/// The machine; what it does not tell is null.
pub(crate) fn describe() -> Value {
    let cpu = field("/proc/cpuinfo", "model name");
    let memory_mib = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.strip_suffix(" kB")?.parse::<u64>().ok())
        .map(|kib| kib / 1_024);
    json!({
        "cores": thread::available_parallelism().ok().map(usize::from),
        "cpu": cpu,
        "memory_mib": memory_mib,
        "kernel": said(Command::new("uname").arg("-sr")),
        "rustc": said(Command::new("rustc").arg("--version")),
    })
}

/// The commit that is measured, and whether the checkout differs from it.
pub(crate) fn commit(workspace: &Workspace) -> Value {
    let git = |arguments: &[&str]| {
        said(
            Command::new("git")
                .args(arguments)
                .current_dir(&workspace.root),
        )
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    json!({
        "id": git(&["rev-parse", "HEAD"]),
        "is_changed": changed.map(|files| !files.is_empty()),
    })
}

/// Now, in UTC: `20261120T221500Z`.
///
/// # Errors
/// When there is no `date`.
pub(crate) fn now() -> Result<String> {
    let said = process::output_of(Command::new("date").args(["-u", "+%Y%m%dT%H%M%SZ"]), "")?;
    Ok(said.trim().to_owned())
}

/// The kind of file system that a folder is on.
///
/// # Errors
/// When it is in memory: there a commit waits for no disk, and every figure would be a lie.
pub(crate) fn disk_under(folder: &Path) -> Result<Option<String>> {
    let told = said(Command::new("df").arg("--output=fstype").arg(folder));
    let kind = told.and_then(|told| told.lines().nth(1).map(str::to_owned));
    if let Some(kind) = kind.as_deref()
        && ["tmpfs", "ramfs"].contains(&kind)
    {
        bail!(
            "{} is on {kind}, which is no disk: set TMPDIR to a folder on one",
            folder.display()
        );
    }
    Ok(kind)
}

/// The value of the first line `name : value`.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

fn said(command: &mut Command) -> Option<String> {
    let said = process::output_of(command, "").ok()?;
    Some(said.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_no_disk() {
        if Path::new("/dev/shm").is_dir() {
            let error = disk_under(Path::new("/dev/shm")).expect_err("tmpfs");
            assert!(error.to_string().contains("TMPDIR"), "{error}");
        }
    }
}

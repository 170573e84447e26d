//! Snapshots that no test looks at any more.
//!
//! insta appends the name of every snapshot that it compares to the file that
//! `INSTA_SNAPSHOT_REFERENCES_FILE` names; what is in the checkout but not in there is unused.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// The variable by which insta learns where to note what it compared.
pub(crate) const VARIABLE: &str = "INSTA_SNAPSHOT_REFERENCES_FILE";

/// Compares the snapshots in the checkout with those that a full test run noted.
///
/// # Errors
/// Naming each snapshot that no test compared.
pub(crate) fn refuse_unused(workspace: &Workspace, references: &Path) -> Result<()> {
    let noted = fs::read_to_string(references).unwrap_or_default();
    let mut present = Vec::new();
    for package in &workspace.packages {
        collect(&package.folder, &mut present)?;
    }
    let unused = unused(present, &noted);
    if unused.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = unused
        .iter()
        .map(|path| format!("  {}", workspace.relative(path)))
        .collect();
    bail!(
        "no test compares these snapshots any more; remove them:\n{}",
        names.join("\n")
    );
}

fn unused(present: Vec<PathBuf>, noted: &str) -> Vec<PathBuf> {
    let used: BTreeSet<PathBuf> = noted.lines().map(|line| plain(Path::new(line))).collect();
    present
        .into_iter()
        .filter(|path| !used.contains(&plain(path)))
        .collect()
}

/// A path without `..`, which insta leaves in: it starts from the test's source file.
fn plain(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "snap")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_test_noted_is_unused() {
        let folder = std::env::temp_dir().join(format!(
            "ticker-{}",
            crate::secrets::unique_suffix().expect("random")
        ));
        fs::create_dir_all(folder.join("src/snapshots")).expect("made");
        for name in ["used.snap", "unused.snap", "waiting.snap.new"] {
            fs::write(folder.join("src/snapshots").join(name), "").expect("written");
        }
        let mut present = Vec::new();
        collect(&folder, &mut present).expect("collected");
        assert_eq!(present.len(), 2, "what waits for review is no snapshot yet");
        let noted = format!("{}/src/../src/snapshots/used.snap\n", folder.display());
        let unused = unused(present, &noted);
        fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(unused, [folder.join("src/snapshots/unused.snap")]);
    }
}

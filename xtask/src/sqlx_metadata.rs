//! What sqlx knows about every query, kept in `.sqlx` so that a build needs no database.
//!
//! The macros of sqlx write it themselves when they are compiled against a live database
//! (`DATABASE_URL`, `SQLX_OFFLINE=false`) with `SQLX_OFFLINE_DIR` naming where to. Cargo knows nothing of
//! these variables, so the crate is made to look changed for a moment.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::postgres::{self, Cluster, Purpose, TemporaryPlace};
use crate::process;
use crate::progress::{self, Step};
use crate::secrets;
use crate::workspace::{Kind, Package, Workspace};

/// The database that the queries are checked against.
const DATABASE: &str = "ticker";
/// sqlx's macros that ask the database.
const MACROS: [&str; 6] = [
    "query!(",
    "query_as!(",
    "query_scalar!(",
    "query_file!(",
    "query_file_as!(",
    "query_file_scalar!(",
];

/// How the line of a file begins that belongs to no query any more.
const UNUSED: &str = "  no longer used: ";

/// File names and contents.
type Metadata = BTreeMap<String, String>;

/// Renews `.sqlx` from the migrations and the queries as they stand.
///
/// # Errors
/// When a migration fails or a query does not fit the schema; `.sqlx` then stays as it was.
pub(crate) fn prepare(workspace: &Workspace, library_only: bool) -> Result<()> {
    let new = collect(workspace, library_only)?;
    let folder = folder(workspace);
    let old = read(&folder)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in &new {
        if old.get(name) != Some(text) {
            fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))?;
        }
    }
    let mut changes = differences(&old, &new);
    if library_only {
        // What is missing may belong to a test, and those were not looked at.
        changes.retain(|line| !line.starts_with(UNUSED));
    } else {
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            fs::remove_file(folder.join(name)).with_context(|| format!("cannot remove {name}"))?;
        }
    }
    for line in &changes {
        progress::say(line);
    }
    progress::say(&format!(
        "  {} queries, {} changes in .sqlx",
        new.len(),
        changes.len()
    ));
    Ok(())
}

/// Compares `.sqlx` with the migrations and the queries as they stand.
///
/// # Errors
/// As [`prepare`], and when `.sqlx` is not up to date.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let new = collect(workspace, false)?;
    let differences = differences(&read(&folder(workspace))?, &new);
    if differences.is_empty() {
        return Ok(());
    }
    bail!(
        ".sqlx is out of date; run `cargo xtask sqlx-prepare` and commit it:\n{}",
        differences.join("\n")
    );
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join(".sqlx")
}

/// Compiles the crates with queries against a fresh database and returns what the macros wrote.
fn collect(workspace: &Workspace, library_only: bool) -> Result<Metadata> {
    let packages = packages_with_queries(workspace)?;
    if packages.is_empty() {
        return Ok(Metadata::new());
    }
    let place = TemporaryPlace::new()?;
    let server = postgres::ensure(workspace, None)?;
    let cluster = Cluster::start(&server, &place, &secrets::password()?, Purpose::ThrowAway)?;
    migrate(workspace, &cluster)?;
    let output = place.folder().join("sqlx");
    fs::create_dir(&output).context("cannot make a temporary folder")?;
    compile(workspace, &packages, &cluster, &output, library_only)?;
    read(&output)
}

/// How a migration begins that takes part in no transaction, for sqlx as well.
const NO_TRANSACTION: &str = "-- no-transaction";

/// Builds the schema as `ticker migrate` would: every migration in order, as the owner role.
fn migrate(workspace: &Workspace, cluster: &Cluster) -> Result<()> {
    let step = Step::start("Applying the migrations");
    let migrations = workspace.root.join("migrations");
    cluster.sql("postgres", &read_text(&migrations.join("roles/roles.sql"))?)?;
    cluster.sql_outside_transaction(
        "postgres",
        &format!("CREATE DATABASE {DATABASE} OWNER ticker_owner"),
    )?;
    for file in migration_files(&migrations)? {
        let migration = read_text(&file)?;
        let script = format!("SET ROLE ticker_owner;\n{migration}");
        let applied = if migration.starts_with(NO_TRANSACTION) {
            cluster.sql_outside_transaction(DATABASE, &script)
        } else {
            cluster.sql(DATABASE, &script)
        };
        applied.with_context(|| format!("migration {} failed", workspace.relative(&file)))?;
    }
    step.done();
    Ok(())
}

fn migration_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && path.extension().is_some_and(|end| end == "sql"))
        .collect();
    files.sort();
    Ok(files)
}

fn compile(
    workspace: &Workspace,
    packages: &[&Package],
    cluster: &Cluster,
    output: &Path,
    library_only: bool,
) -> Result<()> {
    let _touched: Vec<Touched> = packages
        .iter()
        .flat_map(|package| roots(package))
        .map(Touched::new)
        .collect::<Result<_>>()?;
    progress::heading("Compiling the queries against the migrated schema");
    let mut command = process::cargo();
    command.arg("check").arg(if library_only {
        "--lib"
    } else {
        "--all-targets"
    });
    for package in packages {
        command.args(["--package", &package.name]);
    }
    command
        .current_dir(&workspace.root)
        .env("DATABASE_URL", cluster.superuser_url(DATABASE))
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", output)
        // A wrapper that does nothing gives our own crates a place of their own among the build's
        // results, while what they depend on is shared: ordinary builds see nothing of this one.
        .env("RUSTC_WORKSPACE_WRAPPER", "/usr/bin/env");
    if process::show(&mut command)?.success() {
        return Ok(());
    }
    bail!("the queries do not compile against the migrated schema (see above)");
}

/// The crates that depend on sqlx and use its macros.
fn packages_with_queries(workspace: &Workspace) -> Result<Vec<&Package>> {
    let mut found = Vec::new();
    for package in &workspace.packages {
        let uses_sqlx = package
            .dependencies
            .iter()
            .any(|dependency| dependency.name == "sqlx" && dependency.kind != Kind::Build);
        if uses_sqlx && has_queries(&package.folder)? {
            found.push(package);
        }
    }
    Ok(found)
}

fn has_queries(folder: &Path) -> Result<bool> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        let found = if path.is_dir() {
            has_queries(&path)?
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = read_text(&path)?;
            MACROS.iter().any(|name| text.contains(name))
        } else {
            false
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The root files of a package's library and tests: what cargo has to see as changed.
fn roots(package: &Package) -> Vec<PathBuf> {
    let tests = package.folder.join("tests");
    let mut roots: Vec<PathBuf> = tests
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .flat_map(|path| [path.join("main.rs"), path])
        .collect();
    roots.push(package.folder.join("src/lib.rs"));
    roots.retain(|path| path.is_file() && path.extension().is_some_and(|end| end == "rs"));
    roots
}

/// A file that looks just changed until the value goes out of scope.
struct Touched {
    file: PathBuf,
    before: SystemTime,
}

impl Touched {
    fn new(file: PathBuf) -> Result<Self> {
        let context = || format!("cannot touch {}", file.display());
        let before = fs::metadata(&file)
            .and_then(|data| data.modified())
            .with_context(context)?;
        set_modified(&file, SystemTime::now()).with_context(context)?;
        Ok(Self { file, before })
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        // At worst the next ordinary build compiles this crate once more than needed.
        let _ = set_modified(&self.file, self.before);
    }
}

fn set_modified(file: &Path, time: SystemTime) -> std::io::Result<()> {
    File::options().append(true).open(file)?.set_modified(time)
}

fn read(folder: &Path) -> Result<Metadata> {
    let mut files = Metadata::new();
    for entry in folder.read_dir().into_iter().flatten() {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("query-") && path.extension().is_some_and(|end| end == "json") {
            files.insert(name, read_text(&path)?);
        }
    }
    Ok(files)
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// One line for each file that is missing, too much, or different.
fn differences(old: &Metadata, new: &Metadata) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, text) in new {
        match old.get(name) {
            None => lines.push(format!("  missing: {name} ({})", query_of(text))),
            Some(before) if before != text => {
                lines.push(format!("  changed: {name} ({})", query_of(text)));
            }
            Some(_) => {}
        }
    }
    for (name, text) in old.iter().filter(|(name, _)| !new.contains_key(*name)) {
        lines.push(format!("{UNUSED}{name} ({})", query_of(text)));
    }
    lines
}

/// The beginning of the query that a file is about.
fn query_of(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let query = value["query"].as_str().unwrap_or("not readable");
    let words: Vec<&str> = query.split_whitespace().take(8).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(files: &[(&str, &str)]) -> Metadata {
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let old = metadata(&[
            ("a", "same"),
            ("b", "before"),
            ("c", r#"{"query":"SELECT  1\nFROM gone"}"#),
        ]);
        let new = metadata(&[("a", "same"), ("b", "after"), ("d", "new")]);
        assert_eq!(
            differences(&old, &new),
            [
                "  changed: b (not readable)",
                "  missing: d (not readable)",
                "  no longer used: c (SELECT 1 FROM gone)",
            ]
        );
        assert!(differences(&new, &new).is_empty());
    }

    #[test]
    fn a_touched_file_gets_its_time_back() {
        let name = format!("ticker-{}.rs", secrets::unique_suffix().expect("random"));
        let file = std::env::temp_dir().join(name);
        fs::write(&file, "").expect("written");
        let long_ago = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        set_modified(&file, long_ago).expect("set");
        let touched = Touched::new(file.clone()).expect("touched");
        let during = fs::metadata(&file)
            .and_then(|data| data.modified())
            .expect("time");
        assert!(during > long_ago);
        drop(touched);
        let after = fs::metadata(&file)
            .and_then(|data| data.modified())
            .expect("time");
        assert_eq!(after, long_ago);
        fs::remove_file(&file).expect("removed");
    }
}

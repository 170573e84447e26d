//! Finding the newest PostgreSQL of this machine, or getting one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Place;
use crate::install::{self, Apt};
use crate::interrupt;
use crate::process;
use crate::progress::{self, Step};
use crate::version::Version;
use crate::workspace::Workspace;

/// The oldest release that Ticker's SQL and this program's settings work with.
const MAJOR_MIN: u32 = 15;
/// Names the folder of PostgreSQL's programs outright.
const VARIABLE: &str = "TICKER_POSTGRES_BIN";
/// Below these, distributions keep one folder a release, each with a `bin`.
const RELEASE_FOLDERS: [&str; 5] = [
    "/usr/lib/postgresql",
    "/usr/lib64/postgresql",
    "/opt/postgresql",
    "/opt/homebrew/opt",
    "/usr",
];
const PLAIN_FOLDERS: [&str; 3] = ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"];
/// The file by which Debian's packages are kept from making and starting a cluster of the system's own.
const NO_MAIN_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/ticker-xtask.conf";

/// An installed PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    bin: PathBuf,
    pub(crate) version: Version,
}

impl Server {
    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// One of its programs as a command that no `PG…` variable of the caller's leads elsewhere.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.program(name));
        without_client_settings(&mut command);
        command
    }
}

/// Removes every `PG…` variable, each of which could redirect a client or a server.
pub(crate) fn without_client_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
}

/// Finds a PostgreSQL, or installs the distribution's, or fetches one. `major` is the release that an
/// existing cluster was made with; only that one can run it.
///
/// # Errors
/// In one sentence what to install, when none of the ways leads anywhere.
pub(crate) fn ensure(workspace: &Workspace, major: Option<u32>) -> Result<Server> {
    // Throw-away clusters share what was fetched for the checkout.
    let fetched = Place::of_checkout(workspace)?.fetched();
    if let Some(server) = find(&fetched, major)? {
        return Ok(server);
    }
    if let Some(major) = major {
        bail!(
            "the development database was made by PostgreSQL {major}, which is not on this machine: \
             install that release again, or begin afresh with `cargo xtask dev --reset`"
        );
    }
    install_package()?;
    if let Some(server) = find(&fetched, None)? {
        return Ok(server);
    }
    // Why the last resort failed is only of use beside what would have been better.
    fetch(workspace, &fetched).with_context(|| {
        format!(
            "Ticker needs PostgreSQL {MAJOR_MIN} or newer: install it (on Debian and Ubuntu `apt-get \
             install postgresql`), or set {VARIABLE} to the folder with its `initdb`, `postgres` and `psql`"
        )
    })?;
    find(&fetched, None)?.context("the PostgreSQL that was fetched does not run on this machine")
}

fn find(fetched: &Path, major: Option<u32>) -> Result<Option<Server>> {
    if let Some(folder) = std::env::var_os(VARIABLE) {
        let folder = PathBuf::from(folder);
        return match inspect(&folder) {
            Some(server) if server.version.major() >= MAJOR_MIN => Ok(Some(server)),
            Some(server) => bail!(
                "{VARIABLE} names PostgreSQL {}; {MAJOR_MIN} or newer is needed",
                server.version
            ),
            None => bail!(
                "{VARIABLE} is {}, where `initdb`, `postgres` and `psql` are not all to be found",
                folder.display()
            ),
        };
    }
    let servers = candidates(fetched)
        .iter()
        .filter_map(|folder| inspect(folder))
        .collect();
    Ok(newest(servers, major))
}

/// Every folder that may hold PostgreSQL's programs, the fetched one included.
fn candidates(fetched: &Path) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    if let Some(path) = std::env::var_os("PATH") {
        folders.extend(std::env::split_paths(&path));
    }
    folders.extend(PLAIN_FOLDERS.map(PathBuf::from));
    let parents = RELEASE_FOLDERS.iter().map(Path::new).chain([fetched]);
    for entry in parents
        .filter_map(|parent| parent.read_dir().ok())
        .flatten()
        .flatten()
    {
        folders.insert(entry.path().join("bin"));
    }
    folders
}

/// The PostgreSQL in a folder, if it is a whole one: Debian's `psql` on PATH comes without a server.
fn inspect(folder: &Path) -> Option<Server> {
    if !["initdb", "postgres", "psql"]
        .iter()
        .all(|name| folder.join(name).is_file())
    {
        return None;
    }
    let mut command = Command::new(folder.join("postgres"));
    let text = process::output_of(command.arg("--version"), "").ok()?;
    Some(Server {
        bin: folder.to_owned(),
        version: Version::find(&text)?,
    })
}

fn newest(mut servers: Vec<Server>, major: Option<u32>) -> Option<Server> {
    servers.retain(|server| {
        server.version.major() >= MAJOR_MIN
            && major.is_none_or(|major| server.version.major() == major)
    });
    servers.into_iter().max_by(|a, b| a.version.cmp(&b.version))
}

/// Installs the distribution's package where we may and where it is new enough.
fn install_package() -> Result<()> {
    let Some(apt) = Apt::available() else {
        return Ok(());
    };
    apt.update()?;
    match install::offered("postgresql") {
        Some(version) if version.major() >= MAJOR_MIN => {}
        offered => {
            let offered = offered.map_or_else(|| "none".to_owned(), |version| version.to_string());
            progress::say(&format!(
                "  The distribution's PostgreSQL is too old ({offered}; {MAJOR_MIN} is needed)."
            ));
            return Ok(());
        }
    }
    // The package would make a cluster and start it; we want the programs only, so a file that is
    // there just during the installation says so.
    apt.install(&["postgresql-common"])?;
    let folder = Path::new(NO_MAIN_CLUSTER)
        .parent()
        .unwrap_or(Path::new("/"));
    apt.run(&["mkdir", "-p", &folder.to_string_lossy()])?;
    let write = format!("echo 'create_main_cluster = false' > {NO_MAIN_CLUSTER}");
    apt.run(&["sh", "-c", &write])?;
    let installed = apt.install(&["postgresql"]);
    let interrupted = interrupt::take();
    apt.run(&["rm", "-f", NO_MAIN_CLUSTER])?;
    if interrupted {
        interrupt::request();
    }
    installed
}

/// Builds and runs the second binary of this package, which downloads a PostgreSQL.
fn fetch(workspace: &Workspace, into: &Path) -> Result<()> {
    progress::heading("Building the program that fetches PostgreSQL (only this once)");
    let mut command = process::cargo();
    command
        .args([
            "build",
            "--package",
            "xtask",
            "--features",
            "fetch-postgres",
        ])
        .args(["--bin", "fetch-postgres"])
        .current_dir(&workspace.root);
    if !process::show(&mut command)?.success() {
        bail!("nor could one be fetched, as the program for that does not build");
    }
    let step = Step::start("Fetching PostgreSQL");
    let mut command = Command::new(workspace.target.join("debug/fetch-postgres"));
    process::output_of(command.arg(into).current_dir(&workspace.root), "")?;
    step.done();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(version: &str) -> Server {
        Server {
            bin: version.into(),
            version: Version::find(version).expect("a version"),
        }
    }

    #[test]
    fn the_newest_that_is_new_enough_is_taken() {
        let servers = || {
            vec![
                server("15.14"),
                server("9.6"),
                server("17.2"),
                server("17.10"),
            ]
        };
        assert_eq!(newest(servers(), None), Some(server("17.10")));
        assert_eq!(newest(servers(), Some(15)), Some(server("15.14")));
        assert_eq!(newest(servers(), Some(16)), None);
        assert_eq!(newest(vec![server("14.19"), server("9.6")], None), None);
    }

    #[test]
    fn a_folder_without_a_server_is_passed_over() {
        assert_eq!(inspect(Path::new("/nonexistent")), None);
    }
}

//! What a bench stands on: a PostgreSQL of its own with an inventory and accounts, and the programs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::machine;
use super::plan::Plan;
use super::shelf;
use crate::postgres::{self, Cluster, Purpose, TemporaryPlace};
use crate::process;
use crate::progress::Step;
use crate::secrets;
use crate::workspace::Workspace;

/// The location that everything lies at.
pub(super) const LOCATION: u32 = 1;
/// Ticker's database.
pub(super) const DATABASE: &str = "ticker";

/// A PostgreSQL with Ticker's data, and the programs that are measured. It goes away with the value.
pub(super) struct Ground {
    /// Stopped before its place goes.
    pub(super) cluster: Cluster,
    place: TemporaryPlace,
    /// The release binary of Ticker.
    pub(super) program: PathBuf,
    /// The release binary of the load generator.
    pub(super) loadgen: PathBuf,
    /// PostgreSQL's version.
    pub(super) postgres: String,
    /// The file system that the database is on, if the machine tells.
    pub(super) disk: Option<String>,
}

impl Ground {
    /// Makes a cluster, the schema, accounts and the inventory.
    ///
    /// # Errors
    /// When something of it cannot be made; in the words of who could not.
    pub(super) fn prepare(workspace: &Workspace, plan: &Plan) -> Result<Self> {
        let place = TemporaryPlace::new()?;
        let disk = machine::disk_under(place.folder())?;
        let server = postgres::ensure(workspace, None)?;
        let password = secrets::password()?;
        let release = workspace.target.join("release");
        let ground = Self {
            cluster: Cluster::start(&server, &place, &password, Purpose::Benchmark)?,
            place,
            program: release.join("ticker"),
            loadgen: release.join("ticker-loadgen"),
            postgres: server.version.to_string(),
            disk,
        };
        ground.make_database(workspace)?;
        ground.make_accounts(plan.accounts)?;
        let step = Step::start(format!("Making {} items", plan.items));
        ground.cluster.sql(DATABASE, &shelf::sql(plan.items))?;
        step.done();
        Ok(ground)
    }

    /// A folder for what comes up meanwhile; it goes away with the ground.
    pub(super) fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// A file of lines `name:password`.
    pub(super) fn accounts(&self) -> PathBuf {
        self.folder().join("accounts")
    }

    /// Gives a command of Ticker its settings, and none that the caller's environment has for another.
    pub(super) fn describe(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TICKER_") {
                command.env_remove(name);
            }
        }
        for (variables, login) in [
            (
                ["TICKER_DATABASE_URL", "TICKER_DATABASE_PASSWORD_FILE"],
                "app",
            ),
            (
                [
                    "TICKER_OWNER_DATABASE_URL",
                    "TICKER_OWNER_DATABASE_PASSWORD_FILE",
                ],
                "owner",
            ),
        ] {
            let url = self.cluster.url(&format!("ticker_{login}_1"), DATABASE);
            command.env(variables[0], url);
            command.env(variables[1], self.password_file(login));
        }
        // As the image does, and as docs/operating.md tells those who run it without.
        command.env("MALLOC_MMAP_THRESHOLD_", "1048576");
    }

    /// Vacuums and writes out what was changed, so that it is not done while the next one is measured.
    ///
    /// # Errors
    /// With PostgreSQL's message.
    pub(super) fn tidy_up(&self) -> Result<()> {
        let list =
            "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'";
        for database in self.cluster.sql("postgres", list)?.lines() {
            self.cluster
                .sql_outside_transaction(database, "VACUUM (ANALYZE);")?;
        }
        self.cluster
            .sql_outside_transaction("postgres", "CHECKPOINT;")?;
        Ok(())
    }

    /// How many transactions of Ticker's database have been ended for a deadlock so far.
    ///
    /// # Errors
    /// With PostgreSQL's message.
    pub(super) fn deadlocks(&self) -> Result<u64> {
        let count = format!("SELECT deadlocks FROM pg_stat_database WHERE datname = '{DATABASE}'");
        let count = self.cluster.sql("postgres", &count)?;
        count
            .trim()
            .parse()
            .context("PostgreSQL counts no deadlocks")
    }

    /// Lets Ticker check the whole ledger.
    ///
    /// # Errors
    /// When an invariant is broken, with what Ticker says.
    pub(super) fn verify(&self) -> Result<()> {
        let step = Step::start("Verifying the ledger");
        self.run(&["verify"], "")?;
        step.done_with("The ledger is sound");
        Ok(())
    }

    fn make_database(&self, workspace: &Workspace) -> Result<()> {
        let step = Step::start("Making the database");
        let roles = workspace.root.join("migrations/roles/roles.sql");
        let mut script = std::fs::read_to_string(roles).context("cannot read the roles' SQL")?;
        for login in ["app", "owner"] {
            let password = secrets::kept(&self.password_file(login))?;
            // What is made of these letters holds nothing to quote.
            writeln!(
                script,
                "CREATE ROLE ticker_{login}_1 LOGIN IN ROLE ticker_{login} PASSWORD '{password}';"
            )?;
        }
        script += "ALTER ROLE ticker_owner_1 SET role = 'ticker_owner';\n";
        self.cluster.sql("postgres", &script)?;
        let create = format!("CREATE DATABASE {DATABASE} OWNER ticker_owner");
        self.cluster.sql_outside_transaction("postgres", &create)?;
        self.run(&["migrate"], "")?;
        step.done();
        Ok(())
    }

    fn make_accounts(&self, count: u32) -> Result<()> {
        let step = Step::start(format!("Making {count} accounts"));
        let mut lines = String::new();
        for number in 1..=count {
            let (name, password) = (format!("presser{number}"), secrets::password()?);
            let create = ["user", "create", &name, "--role", "staff"];
            let given = ["--password-stdin", "--keep-password"];
            self.run(&[&create[..], &given].concat(), &password)?;
            writeln!(lines, "{name}:{password}")?;
        }
        secrets::write(&self.accounts(), lines.trim_end())?;
        step.done();
        Ok(())
    }

    fn password_file(&self, login: &str) -> PathBuf {
        self.folder().join(format!("{login}.password"))
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(&self.program);
        self.describe(&mut command);
        process::output_of(command.args(arguments), input)
            .with_context(|| format!("`ticker {}` failed", arguments[0]))
    }
}

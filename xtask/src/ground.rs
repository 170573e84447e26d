//! What benches and drills stand on: a PostgreSQL of its own with an inventory and accounts, and the programs.

mod catalogue;
mod programs;
mod replica;
mod shelf;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

pub(crate) use self::programs::Programs;
pub(crate) use self::replica::{Replica, Way};
use crate::machine;
use crate::postgres::{self, Cluster, Purpose, TemporaryPlace};
use crate::process;
use crate::progress::Step;
use crate::secrets;
use crate::workspace::Workspace;

/// The location that everything lies at.
pub(crate) const LOCATION: u32 = 1;
/// Ticker's database.
pub(crate) const DATABASE: &str = "ticker";

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) inventory: Inventory,
    /// Users who sign in.
    pub(crate) accounts: u32,
}

/// What is kept in stock.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Inventory {
    /// So many items, all alike, with a ledger that is sound.
    Shelf { items: u32 },
    /// A wholesaler's: so many items as catalogues have them, with so many movements.
    Catalogue { items: u32, movements: u32 },
}

impl Inventory {
    fn sql(self) -> String {
        match self {
            Self::Shelf { items } => shelf::sql(items),
            Self::Catalogue { items, movements } => catalogue::sql(items, movements),
        }
    }
}

impl std::fmt::Display for Inventory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shelf { items }
            | Self::Catalogue {
                items,
                movements: 0,
            } => write!(f, "{items} items"),
            Self::Catalogue { items, movements } => {
                write!(f, "{items} items, {movements} movements")
            }
        }
    }
}

/// A PostgreSQL with Ticker's data, and the programs that are put to work. It goes away with the value.
pub(crate) struct Ground {
    /// Stopped before its place goes.
    pub(crate) cluster: Cluster,
    pub(crate) place: TemporaryPlace,
    pub(crate) programs: Programs,
    workspace: Workspace,
    /// PostgreSQL's version.
    pub(crate) postgres: String,
    /// The file system that the database is on, if the machine tells.
    pub(crate) disk: Option<String>,
}

impl Ground {
    /// Makes a cluster, the schema, accounts and the inventory.
    ///
    /// # Errors
    /// When something of it cannot be made; in the words of who could not.
    pub(crate) fn prepare(
        workspace: &Workspace,
        programs: Programs,
        size: Size,
        purpose: Purpose,
    ) -> Result<Self> {
        let place = TemporaryPlace::new()?;
        let disk = machine::disk_under(place.folder())?;
        let server = postgres::ensure(workspace, None)?;
        let password = secrets::password()?;
        let ground = Self {
            cluster: Cluster::start(&server, &place, &password, purpose)?,
            place,
            programs,
            workspace: workspace.clone(),
            postgres: server.version.to_string(),
            disk,
        };
        ground.make_database(workspace)?;
        ground.make_accounts(size.accounts)?;
        let step = Step::start(format!("Making {}", size.inventory));
        ground.cluster.sql(DATABASE, &size.inventory.sql())?;
        step.done();
        Ok(ground)
    }

    /// Another one, with so much, of the same programs.
    ///
    /// # Errors
    /// As [`Ground::prepare`].
    pub(crate) fn beside(&self, size: Size) -> Result<Self> {
        Self::prepare(
            &self.workspace,
            self.programs.clone(),
            size,
            Purpose::Benchmark,
        )
    }

    /// A folder for what comes up meanwhile; it goes away with the ground.
    pub(crate) fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// A file of lines `name:password`.
    pub(crate) fn accounts(&self) -> PathBuf {
        self.folder().join("accounts")
    }

    /// Gives a command of Ticker its settings, and none that the caller's environment has for another.
    pub(crate) fn describe(&self, command: &mut Command) {
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
        command.env("MIMALLOC_PURGE_DELAY", "10");
        command.env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
    }

    /// Vacuums and writes out what was changed, so that it is not done while the next one is measured.
    ///
    /// # Errors
    /// With PostgreSQL's message.
    pub(crate) fn tidy_up(&self) -> Result<()> {
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
    pub(crate) fn deadlocks(&self) -> Result<u64> {
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
    pub(crate) fn verify(&self) -> Result<()> {
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

    /// Runs a command of Ticker to its end and returns what it says.
    ///
    /// # Errors
    /// When it fails, with what it says.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(&self.programs.ticker);
        self.describe(&mut command);
        process::output_of(command.args(arguments), input)
            .with_context(|| format!("`ticker {}` failed", arguments[0]))
    }
}

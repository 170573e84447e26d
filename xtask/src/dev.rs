//! `cargo xtask dev`: a running Ticker on this machine, with a database of its own.

mod accounts;
mod application;
mod state;

use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::interrupt;
use crate::postgres::{self, Cluster, Place, Purpose};
use crate::process;
use crate::progress::{self, Step};
use crate::workspace::Workspace;
use accounts::Account;
use application::Application;
use state::State;

/// Where the metrics are, unless somebody else is there already.
const METRICS_PORT: u16 = 9091;

/// What the command line asks for.
pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) reset: bool,
    pub(crate) demo: bool,
}

/// Starts everything, shows how to get in, and stays until Ctrl-C or until something dies.
///
/// # Errors
/// Saying what did not start, or which part ended by itself.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let metrics_port = free_ports(options.port)?;
    let place = Place::of_checkout(workspace)?;
    let state = State::open(workspace, options.reset, &place)?;
    if !place.folder().starts_with(&workspace.root) {
        progress::say(&format!(
            "  PostgreSQL's user cannot enter this checkout; the database is in {}.",
            place.folder().display()
        ));
    }
    postgres::stop_orphan(&place)?;
    let server = postgres::ensure(workspace, place.major())?;
    let superuser = state.password("superuser")?;
    let mut cluster = Cluster::start(&server, &place, &superuser, Purpose::Development)?;

    prepare_database(workspace, &state, &cluster)?;
    build(workspace)?;
    let application = Application::new(workspace, &state, &cluster);
    application.migrate()?;
    let accounts = accounts::ensure(&application, &state)?;
    if options.demo {
        application.load_demo(&state)?;
    }
    let mut serving = application.serve(options.port, metrics_port)?;
    println!(
        "{}",
        summary(options.port, metrics_port, &accounts, &place, workspace)
    );
    let ending = attend(&mut cluster, &mut serving);
    progress::say("");
    serving.stop();
    cluster.stop();
    if ending.is_ok() {
        progress::say("Stopped. The data are kept for the next run.");
    }
    ending
}

/// Waits for Ctrl-C, which is a good ending, or for a part to end by itself, which is not.
fn attend(cluster: &mut Cluster, serving: &mut application::Serving) -> Result<()> {
    while !interrupt::requested() {
        if let Some(status) = cluster.ended()? {
            bail!(
                "PostgreSQL ended by itself ({status}); its log ends:\n{}",
                cluster.log_end()
            );
        }
        if let Some(status) = serving.ended()? {
            bail!("Ticker ended by itself ({status}); its last lines above say why");
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Refuses a port that is taken before anything is started, and finds one for the metrics.
fn free_ports(port: u16) -> Result<u16> {
    if !is_free(port)? {
        bail!(
            "port {port} of 127.0.0.1 is in use: stop the program that listens there, or choose another \
             one with `--port`"
        );
    }
    if port != METRICS_PORT && is_free(METRICS_PORT)? {
        return Ok(METRICS_PORT);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

fn is_free(port: u16) -> Result<bool> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Ok(false),
        Err(error) => {
            Err(error).with_context(|| format!("port {port} of 127.0.0.1 cannot be used"))
        }
    }
}

/// The roles, their logins with the passwords of this checkout, and the database.
fn prepare_database(workspace: &Workspace, state: &State, cluster: &Cluster) -> Result<()> {
    let step = Step::start("Preparing the database's roles");
    let file = workspace.root.join("migrations/roles/roles.sql");
    let roles = std::fs::read_to_string(&file)
        .with_context(|| format!("cannot read {}", file.display()))?;
    let logins = login_sql("ticker_owner", &state.password("owner")?)
        + &login_sql("ticker_app", &state.password("app")?)
        // Whatever it creates belongs to the role, not to the login that happened to run the migration.
        + "ALTER ROLE ticker_owner_1 SET role = 'ticker_owner';\n";
    cluster.sql("postgres", &(roles + &logins))?;
    let there = cluster.sql(
        "postgres",
        "SELECT 1 FROM pg_database WHERE datname = 'ticker'",
    )?;
    if there.trim().is_empty() {
        cluster.sql_outside_transaction("postgres", "CREATE DATABASE ticker OWNER ticker_owner")?;
    }
    step.done();
    Ok(())
}

/// Makes the first login of a role, or renews its password. Passwords made here hold nothing to quote.
fn login_sql(role: &str, password: &str) -> String {
    format!(
        "DO $$ BEGIN\n\
         IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}_1') THEN\n\
         CREATE ROLE {role}_1 LOGIN IN ROLE {role};\n\
         END IF;\n\
         END $$;\n\
         ALTER ROLE {role}_1 PASSWORD '{password}';\n"
    )
}

fn build(workspace: &Workspace) -> Result<()> {
    progress::heading("Building Ticker");
    let mut command = process::cargo();
    command
        .args(["build", "--package", "ticker-server"])
        .current_dir(&workspace.root);
    if process::show(&mut command)?.success() {
        return Ok(());
    }
    bail!("Ticker does not build (see above)");
}

fn summary(
    port: u16,
    metrics_port: u16,
    accounts: &[Account],
    place: &Place,
    workspace: &Workspace,
) -> String {
    let mut lines = vec![
        String::new(),
        format!("  Ticker runs on  http://127.0.0.1:{port}"),
        String::new(),
        "    Sign in as   with the password".to_owned(),
    ];
    lines.extend(
        accounts
            .iter()
            .map(|one| format!("    {:<12} {}", one.name, one.password)),
    );
    lines.extend([
        String::new(),
        format!("  Metrics         http://127.0.0.1:{metrics_port}/metrics"),
        format!(
            "  Database        {} (kept; --reset begins afresh)",
            workspace.relative(place.folder())
        ),
        "  Ctrl-C stops everything.".to_owned(),
        String::new(),
    ]);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_listens_on_is_refused() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let error = free_ports(port).expect_err("in use").to_string();
        assert!(
            error.contains(&port.to_string()) && error.contains("--port"),
            "{error}"
        );
    }

    #[test]
    fn a_login_is_a_member_of_its_role() {
        let sql = login_sql("ticker_app", "secret");
        assert!(
            sql.contains("CREATE ROLE ticker_app_1 LOGIN IN ROLE ticker_app;"),
            "{sql}"
        );
        assert!(
            sql.contains("ALTER ROLE ticker_app_1 PASSWORD 'secret';"),
            "{sql}"
        );
    }
}

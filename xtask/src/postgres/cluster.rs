//! A private cluster: made once, started on a free port, stopped with us.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Signal, kill_process};

use super::server::without_client_settings;
use super::{Place, Server};
use crate::family;
use crate::interrupt::{self, Interrupted};
use crate::process;
use crate::progress::Step;
use crate::secrets;
use crate::user::run_as;

/// The superuser's name.
const SUPERUSER: &str = "postgres";
/// Recovery after a power cut replays at most a few checkpoints; this is far beyond it.
const READY_WAIT: Duration = Duration::from_mins(5);
const STOP_GRACE: Duration = Duration::from_mins(1);
/// Another program may take the free port before PostgreSQL does.
const STARTS_MAX: u32 = 3;

/// What a cluster is for, and so what it may risk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Keeps its data whatever happens.
    Development,
    /// Goes away with the run, so it never waits for the disk.
    ThrowAway,
    /// Goes away with the run, and works as in production until then: what is committed is on the disk.
    Benchmark,
    /// As `Benchmark`, small enough to be killed and started again many times.
    Drill,
}

impl Purpose {
    fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Development => &["max_connections=100"],
            Self::ThrowAway => &[
                "max_connections=300",
                "fsync=off",
                "full_page_writes=off",
                "synchronous_commit=off",
                "shared_buffers=256MB",
                "max_wal_size=4GB",
                "autovacuum_naptime=1h",
            ],
            Self::Benchmark => &[
                "max_connections=200",
                "fsync=on",
                "full_page_writes=on",
                "synchronous_commit=on",
                "shared_buffers=1GB",
                "effective_cache_size=3GB",
                "random_page_cost=1.1",
                // No checkpoint but those that are asked for falls into a measurement.
                "max_wal_size=16GB",
                "checkpoint_timeout=1h",
            ],
            Self::Drill => &[
                "max_connections=200",
                "fsync=on",
                "full_page_writes=on",
                "synchronous_commit=on",
                "track_commit_timestamp=on",
            ],
        }
    }
}

/// A running PostgreSQL. Dropping it stops it.
pub(crate) struct Cluster {
    server: Server,
    child: Child,
    log: PathBuf,
    pub(crate) port: u16,
    password: String,
    purpose: Purpose,
}

impl Cluster {
    /// Makes the cluster if there is none, and starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// With the end of the server's log when it does not start; after Ctrl-C.
    pub(crate) fn start(
        server: &Server,
        place: &Place,
        password: &str,
        purpose: Purpose,
    ) -> Result<Self> {
        place.make_folder()?;
        if place.major().is_none() {
            initialise(server, place, password, purpose)?;
        }
        let step = Step::start(format!("Starting PostgreSQL {}", server.version));
        let mut starts = 0;
        loop {
            starts += 1;
            match launch(server, place, password, purpose, free_port()?) {
                Err(error) if starts < STARTS_MAX && port_was_taken(&error) => {}
                launched => {
                    let cluster = launched?;
                    step.done_with(&format!("PostgreSQL {} runs", server.version));
                    return Ok(cluster);
                }
            }
        }
    }

    /// Starts it again on its port, after it ended.
    ///
    /// # Errors
    /// With the end of the server's log when it does not start; after Ctrl-C.
    pub(crate) fn start_again(&mut self, place: &Place) -> Result<()> {
        let (server, password) = (self.server.clone(), self.password.clone());
        *self = launch(&server, place, &password, self.purpose, self.port)?;
        Ok(())
    }

    /// Kills every process of it at once, as a power cut would but for what the operating system still
    /// writes out; returns when all are gone.
    ///
    /// # Errors
    /// When the operating system does not tell or does not do it.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let children = family::children_of(self.child.id())?;
        self.child.kill().context("cannot kill PostgreSQL")?;
        for child in &children {
            // Those that end with their parent are as gone as they are to be.
            let _ = kill_process(*child, Signal::KILL);
        }
        self.child.wait().context("PostgreSQL does not end")?;
        let begun = Instant::now();
        while children.iter().any(|child| family::is_running(*child)) {
            if begun.elapsed() > STOP_GRACE {
                bail!("a process of PostgreSQL does not end");
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Stops it in an orderly way, to be started again.
    pub(crate) fn pause(&mut self) {
        self.shut_down();
    }

    /// The superuser's URL for a database.
    pub(crate) fn superuser_url(&self, database: &str) -> String {
        format!(
            "postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// The URL of a login whose password is given in another way.
    pub(crate) fn url(&self, login: &str, database: &str) -> String {
        format!("postgres://{login}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs SQL as the superuser and returns the rows, without decoration. A script runs as a whole or
    /// not at all. It goes through standard input, so that no secret is seen in the list of processes.
    ///
    /// # Errors
    /// With PostgreSQL's message.
    pub(crate) fn sql(&self, database: &str, script: &str) -> Result<String> {
        self.run_psql(&["--single-transaction"], database, script)
    }

    /// As [`Cluster::sql`], for statements such as CREATE DATABASE that take part in no transaction.
    ///
    /// # Errors
    /// With PostgreSQL's message.
    pub(crate) fn sql_outside_transaction(&self, database: &str, script: &str) -> Result<String> {
        self.run_psql(&[], database, script)
    }

    /// How it ended, if it did so by itself.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .context("cannot look after PostgreSQL")
    }

    /// The end of the server's log.
    pub(crate) fn log_end(&self) -> String {
        process::last_lines(&fs::read_to_string(&self.log).unwrap_or_default(), 15)
    }

    /// What the server's log says from this byte on; all of it where it is not that long.
    pub(crate) fn log_since(&self, byte: usize) -> String {
        let mut log = fs::read_to_string(&self.log).unwrap_or_default();
        log.split_off(if log.is_char_boundary(byte) { byte } else { 0 })
    }

    /// Stops it in an orderly way; connections are closed.
    pub(crate) fn stop(mut self) {
        let step = Step::start("Stopping PostgreSQL");
        self.shut_down();
        step.done();
    }

    /// One of PostgreSQL's programs as the superuser's client of a database.
    pub(crate) fn client(&self, program: &str, database: &str) -> Command {
        let mut command = self.server.command(program);
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", SUPERUSER)
            .env("PGPASSWORD", &self.password)
            .env("PGDATABASE", database);
        command
    }

    /// The settings that its purpose asks for.
    pub(crate) fn settings(&self) -> &'static [&'static str] {
        self.purpose.settings()
    }

    fn run_psql(&self, options: &[&str], database: &str, script: &str) -> Result<String> {
        let mut command = self.server.command("psql");
        command
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args([
                "--set",
                "ON_ERROR_STOP=1",
                "--host",
                "127.0.0.1",
                "--username",
                SUPERUSER,
            ])
            .args([
                "--port",
                &self.port.to_string(),
                "--dbname",
                database,
                "--file",
                "-",
            ])
            .args(options)
            .env("PGPASSWORD", &self.password)
            // What is already there is no news.
            .env("PGOPTIONS", "-c client_min_messages=warning");
        process::output_of(&mut command, script)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < READY_WAIT {
            if let Some(status) = self.ended()? {
                bail!(
                    "PostgreSQL did not start ({status}); its log ends:\n{}",
                    self.log_end()
                );
            }
            if interrupt::requested() {
                return Err(Interrupted.into());
            }
            match self.sql_outside_transaction("postgres", "SELECT 1") {
                Ok(_) => return Ok(()),
                Err(error) if error.to_string().contains("password authentication failed") => {
                    bail!(
                        "the password kept in .ticker/dev is not this database's; `cargo xtask dev \
                         --reset` begins afresh"
                    );
                }
                // Not listening yet, or still recovering.
                Err(_) => {}
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!(
            "PostgreSQL is not ready after {READY_WAIT:?}; its log ends:\n{}",
            self.log_end()
        );
    }

    fn shut_down(&mut self) {
        // SIGINT is PostgreSQL's "fast" shutdown.
        process::stop(&mut self.child, Signal::INT, STOP_GRACE);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Runs initdb beside the place, so that a cluster is there whole or not at all.
fn initialise(server: &Server, place: &Place, password: &str, purpose: Purpose) -> Result<()> {
    let step = Step::start(format!(
        "Making a private PostgreSQL {} cluster",
        server.version
    ));
    let new = place.make_new_data()?;
    let password_file = place.folder().join("initdb-password");
    secrets::write(&password_file, password)?;
    if let Some(user) = &place.user {
        user.own(&password_file)?;
    }
    let mut command = server.command("initdb");
    command
        .arg("--pgdata")
        .arg(&new)
        .args([
            "--username",
            SUPERUSER,
            "--auth",
            "scram-sha-256",
            "--pwfile",
        ])
        .arg(&password_file)
        .args([
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
            "--data-checksums",
        ])
        .current_dir("/");
    if purpose == Purpose::ThrowAway {
        command.arg("--no-sync");
    }
    run_as(&mut command, place.user.as_ref());
    let made = process::output_of(&mut command, "");
    fs::remove_file(&password_file).context("cannot remove the password file of initdb")?;
    made?;
    fs::rename(&new, place.data()).context("cannot put the new cluster into its place")?;
    step.done();
    Ok(())
}

fn launch(
    server: &Server,
    place: &Place,
    password: &str,
    purpose: Purpose,
    port: u16,
) -> Result<Cluster> {
    let log = File::options()
        .create(true)
        .write(true)
        .truncate(true)
        // Statements that failed stand in it, with what people had entered.
        .mode(0o600)
        .open(place.log())
        .context("cannot write the log of PostgreSQL")?;
    let mut command = process::bound_to_us(&server.program("postgres"), "INT");
    without_client_settings(&mut command);
    command
        .arg("-D")
        .arg(place.data())
        .args(["-p", &port.to_string()]);
    let always = [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "logging_collector=off",
    ];
    for setting in always.iter().chain(purpose.settings()) {
        command.args(["-c", setting]);
    }
    run_as(&mut command, place.user.as_ref());
    command
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(
            log.try_clone()
                .context("cannot write the log of PostgreSQL")?,
        )
        .stderr(log);
    let mut cluster = Cluster {
        server: server.clone(),
        child: process::spawn(&mut command)?,
        log: place.log(),
        port,
        password: password.to_owned(),
        purpose,
    };
    cluster.wait_until_ready()?;
    Ok(cluster)
}

/// Whether another program got hold of the port between our looking and PostgreSQL's binding.
fn port_was_taken(error: &anyhow::Error) -> bool {
    error.to_string().contains("could not bind")
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

//! Ticker's own binary: its commands, and the server that they prepare for.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::state::State;
use crate::interrupt::{self, Interrupted};
use crate::postgres::Cluster;
use crate::process;
use crate::progress::{self, Floor, Step};
use crate::workspace::Workspace;

/// Ticker finishes what is in flight within 25 s of SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(30);
const READY_WAIT: Duration = Duration::from_mins(1);
/// Variables that a developer may set for the server; every other one is made here.
const PASSED_ON: [&str; 2] = ["TICKER_LOG", "TICKER_LOG_FORMAT"];

/// The binary and how it reaches the database.
pub(super) struct Application {
    program: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Application {
    /// The binary of this checkout on a running cluster.
    pub(super) fn new(workspace: &Workspace, state: &State, cluster: &Cluster) -> Self {
        let file = |login| state.password_file(login).display().to_string();
        Self {
            program: workspace.application(),
            variables: vec![
                ("TICKER_DATABASE_URL", cluster.url("ticker_app_1", "ticker")),
                ("TICKER_DATABASE_PASSWORD_FILE", file("app")),
                (
                    "TICKER_OWNER_DATABASE_URL",
                    cluster.url("ticker_owner_1", "ticker"),
                ),
                ("TICKER_OWNER_DATABASE_PASSWORD_FILE", file("owner")),
            ],
        }
    }

    /// Brings the schema up to date.
    ///
    /// # Errors
    /// With what Ticker says.
    pub(super) fn migrate(&self) -> Result<()> {
        let step = Step::start("Bringing the schema up to date");
        self.run(&["migrate"], "")?;
        step.done();
        Ok(())
    }

    /// The users, a line each.
    ///
    /// # Errors
    /// With what Ticker says.
    pub(super) fn list_users(&self) -> Result<String> {
        self.run(&["user", "list"], "")
    }

    /// Makes a user named as its role.
    ///
    /// # Errors
    /// With what Ticker says.
    pub(super) fn create_user(&self, role: &str, password: &str) -> Result<()> {
        let display_name = format!("Demo {role}");
        let arguments = [
            "user",
            "create",
            role,
            "--role",
            role,
            "--display-name",
            &display_name,
        ];
        self.run(
            &[&arguments[..], &["--keep-password", "--password-stdin"]].concat(),
            password,
        )?;
        Ok(())
    }

    /// Gives a user a new password.
    ///
    /// # Errors
    /// With what Ticker says.
    pub(super) fn reset_password(&self, name: &str, password: &str) -> Result<()> {
        let arguments = [
            "user",
            "reset-password",
            name,
            "--keep-password",
            "--password-stdin",
        ];
        self.run(&arguments, password)?;
        Ok(())
    }

    /// Loads the demo shop, once in the life of the database. An inventory that somebody began by hand is
    /// left alone, which Ticker itself sees to.
    ///
    /// # Errors
    /// When the command cannot be run at all; that Ticker refuses is only said.
    pub(super) fn load_demo(&self, state: &State) -> Result<()> {
        if state.demo_was_loaded() {
            return Ok(());
        }
        let step = Step::start("Loading the demo shop");
        let done = process::capture(&mut self.command(&["demo"]), "")?;
        if done.status.success() {
            // Its last line counts what there is now.
            step.done_with(process::last_lines(&done.stdout, 1).trim());
            return state.note_demo();
        }
        step.passed_over("The demo shop was not loaded:");
        progress::say(&process::last_lines(&done.text(), 10));
        Ok(())
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or does not become ready in time; after Ctrl-C.
    pub(super) fn serve(&self, port: u16, metrics_port: u16) -> Result<Serving> {
        let step = Step::start("Starting Ticker");
        // From here on the server's own lines show what it does.
        let floor = Floor::take();
        let mut command = process::bound_to_us(&self.program, "TERM");
        self.describe(&mut command);
        command
            .arg("serve")
            .env("TICKER_LISTEN", format!("127.0.0.1:{port}"))
            .env("TICKER_METRICS_LISTEN", format!("127.0.0.1:{metrics_port}"))
            .env(
                "TICKER_ORIGIN",
                format!("http://127.0.0.1:{port},http://localhost:{port}"),
            )
            .env("TICKER_PLAIN_HTTP", "true")
            .process_group(0)
            .stdin(Stdio::null());
        if std::env::var_os("TICKER_LOG_FORMAT").is_none() {
            command.env("TICKER_LOG_FORMAT", "text");
        }
        let mut serving = Serving {
            child: process::spawn(&mut command)?,
        };
        serving.wait_until_ready(port)?;
        drop(floor);
        step.done_with("Ticker is ready");
        Ok(serving)
    }

    fn run(&self, arguments: &[&str], input: &str) -> Result<String> {
        process::output_of(&mut self.command(arguments), input).with_context(|| {
            format!(
                "`ticker {}` failed",
                arguments[..arguments.len().min(2)].join(" ")
            )
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments);
        self.describe(&mut command);
        command
    }

    /// The settings, and none that the caller's environment has for another Ticker.
    fn describe(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("TICKER_") && !PASSED_ON.contains(&name.as_str()) {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

/// The server. Dropping it stops it.
pub(super) struct Serving {
    child: Child,
}

impl Serving {
    /// How it ended, if it did so by itself.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot look after Ticker")
    }

    /// Lets it finish what it is doing.
    pub(super) fn stop(mut self) {
        let step = Step::start("Stopping Ticker");
        self.shut_down();
        step.done();
    }

    fn wait_until_ready(&mut self, port: u16) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < READY_WAIT {
            if let Some(status) = self.ended()? {
                bail!("Ticker ended before it was ready ({status}); its last lines above say why");
            }
            if interrupt::requested() {
                return Err(Interrupted.into());
            }
            if is_ready(port) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!(
            "Ticker is not ready after {} s; its lines above say why",
            READY_WAIT.as_secs()
        );
    }

    fn shut_down(&mut self) {
        process::stop(&mut self.child, Signal::TERM, STOP_GRACE);
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Whether `/readyz` answers 200. Whatever goes wrong on the way means "not yet".
fn is_ready(port: u16) -> bool {
    status_of(port, "/readyz").is_ok_and(|status| status == 200)
}

fn status_of(port: u16, path: &str) -> Result<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let wait = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, wait)?;
    stream.set_read_timeout(Some(wait))?;
    stream.set_write_timeout(Some(wait))?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    // In one piece: a server may answer and close at the first bytes that it does not like.
    stream.write_all(request.as_bytes())?;
    // "HTTP/1.1 200" is all that matters.
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning)?;
    status_in(&beginning).context("not an answer in HTTP/1.1")
}

fn status_in(beginning: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(beginning).ok()?;
    text.strip_prefix("HTTP/1.")?
        .split(' ')
        .nth(1)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_status_is_read_from_the_first_line() {
        assert_eq!(status_in(b"HTTP/1.1 200"), Some(200));
        assert_eq!(status_in(b"HTTP/1.1 503"), Some(503));
        assert_eq!(status_in(b"SSH-2.0-Open"), None);
    }

    #[test]
    fn only_200_is_ready() {
        for (answer, ready) in [("200 OK", true), ("503 Service Unavailable", false)] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
            let port = listener.local_addr().expect("its address").port();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a client");
                let mut request = Vec::new();
                // To its end: closing with bytes unread would reset the connection.
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).expect("a request");
                    request.extend(byte);
                }
                assert!(request.starts_with(b"GET /readyz HTTP/1.1\r\n"));
                let answer = format!("HTTP/1.1 {answer}\r\n\r\n");
                stream.write_all(answer.as_bytes()).expect("answered");
            });
            assert_eq!(is_ready(port), ready, "{answer}");
            server.join().expect("the server ran");
        }
    }
}

//! Running the real binary.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::in_time;

/// The binary with the variables of a test. Nothing of the test's own environment gets through.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    variables: BTreeMap<String, String>,
}

impl Program {
    /// That looks ten times a second, at these two.
    pub(crate) fn new(docker: &str, prometheus: SocketAddr) -> Self {
        let program = Self {
            variables: BTreeMap::new(),
        };
        program
            .set("DOCKER", docker)
            .set("PROMETHEUS", &format!("http://{prometheus}"))
            .set("LISTEN", "127.0.0.1:0")
            .set("INTERVAL", "100ms")
    }

    /// Sets a variable of which the beginning is understood.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        let name = format!("TICKER_AUTOSCALER_{name}");
        self.variables.insert(name, value.to_owned());
        self
    }

    /// The command, with all that it says to be read.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ticker-autoscaler"));
        command
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Starts it and waits until it says where it listens.
    pub(crate) async fn start(&self) -> Running {
        let mut child = self.command().spawn().expect("the binary runs");
        let stderr = child.stderr.take().expect("a pipe");
        let lines = watch::Sender::new(Vec::new());
        let said = lines.clone();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                said.send_modify(|lines: &mut Vec<Value>| lines.push(line));
            }
        });
        let mut running = Running {
            child,
            lines,
            address: None,
        };
        let line = running.line("listening").await;
        let address = line["listen"].as_str().expect("an address");
        running.address = Some(address.parse().expect("an address"));
        running
    }
}

/// The running program; it ends with the test.
pub(crate) struct Running {
    child: Child,
    lines: watch::Sender<Vec<Value>>,
    address: Option<SocketAddr>,
}

impl Running {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.expect("it listens")
    }

    /// Waits for a line with this message.
    pub(crate) async fn line(&self, message: &str) -> Value {
        let mut lines = self.lines.subscribe();
        let found = |lines: &Vec<Value>| lines.iter().any(|line| line["message"] == message);
        let found = in_time(message, lines.wait_for(found)).await;
        let lines = found.expect("it still runs");
        let line = lines.iter().find(|line| line["message"] == message);
        line.expect("it was found").clone()
    }

    /// How often this was said.
    pub(crate) fn count(&self, message: &str) -> usize {
        let lines = self.lines.borrow();
        lines
            .iter()
            .filter(|line| line["message"] == message)
            .count()
    }

    /// What Prometheus would read.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.address());
        let answer = reqwest::get(url).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.text().await.expect("text")
    }

    /// Waits until this is a line of the metrics.
    pub(crate) async fn metric(&self, line: &str) {
        let mut text = String::new();
        let seen = async {
            loop {
                text = self.metrics().await;
                if text.lines().any(|metric| metric == line) {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let seen = tokio::time::timeout(crate::WAIT_MAX, seen).await;
        assert!(seen.is_ok(), "no {line} in:\n{text}");
    }

    /// Waits until a metric has counted.
    pub(crate) async fn counted(&self, outcome: &str) {
        let beginning = decisions(outcome);
        let seen = async {
            loop {
                let text = self.metrics().await;
                let line = text.lines().find_map(|line| line.strip_prefix(&beginning));
                if line.is_some_and(|count| count != "0") {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        in_time(outcome, seen).await;
    }

    /// What SIGTERM makes of it.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("it is ours") {
                    return status;
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(1), ended)
            .await
            .expect("it stops within a second")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The metric that counts an outcome, up to its number.
pub(crate) fn decisions(outcome: &str) -> String {
    format!("ticker_autoscaler_decisions_total{{service=\"app\",outcome=\"{outcome}\"}} ")
}

//! Questions to the lab over HTTP, of a person who takes every answer as it is.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process;

/// The name that people type, and the address that it has here.
pub(super) const URL: &str = "https://ticker.lab";
pub(super) const ADDRESS: &str = "127.0.0.1:10443";
/// Node1's Prometheus.
const PROMETHEUS: &str = "http://127.0.0.1:19090";
/// What curl ends with when it does not understand what it is to do.
const NOT_ASKED: i32 = 2;
const TIMEOUT_S: &str = "10";

/// The status that a page of Ticker is answered with through the proxy; `None` when no answer comes.
///
/// # Errors
/// When there is no curl, or after Ctrl-C.
pub(super) fn status(certificate: &Path, path: &str) -> Result<Option<u16>> {
    answered(&mut ticker(certificate, path), "")
}

/// The status that signing in is answered with.
///
/// # Errors
/// As [`status`].
pub(super) fn sign_in(certificate: &Path, name: &str, password: &str) -> Result<Option<u16>> {
    let mut command = ticker(certificate, "/login");
    // Not as an argument, which every process of the machine could read. Nothing in it needs quoting.
    command
        .args(["--data", "@-", "--header"])
        .arg(format!("Origin: {URL}"));
    let body = format!("username={name}&password={password}");
    answered(&mut command, &body)
}

/// The result of a query of Prometheus: each series' labels and value.
///
/// # Errors
/// When Prometheus does not answer or does not understand.
pub(super) fn query(promql: &str) -> Result<Vec<Value>> {
    let mut command = curl();
    command
        .args(["--fail-with-body", "--get", "--data-urlencode"])
        .arg(format!("query={promql}"))
        .arg(format!("{PROMETHEUS}/api/v1/query"));
    let said = process::output_of(&mut command, "")?;
    let answer: Value = serde_json::from_str(&said).context("Prometheus says no JSON")?;
    let result = answer["data"]["result"].as_array().cloned();
    result.with_context(|| format!("Prometheus does not understand: {said}"))
}

/// Prometheus' rules.
///
/// # Errors
/// When Prometheus does not answer.
pub(super) fn rules() -> Result<Value> {
    let mut command = curl();
    command
        .arg("--fail")
        .arg(format!("{PROMETHEUS}/api/v1/rules?type=alert"));
    let said = process::output_of(&mut command, "")?;
    serde_json::from_str(&said).context("Prometheus says no JSON")
}

fn ticker(certificate: &Path, path: &str) -> Command {
    let mut command = curl();
    command
        .arg("--cacert")
        .arg(certificate)
        .args(["--connect-to", &format!("ticker.lab:443:{ADDRESS}")])
        .args(["--output", "/dev/null", "--write-out", "%{http_code}"])
        .arg(format!("{URL}{path}"));
    command
}

fn curl() -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--noproxy", "*", "--max-time", TIMEOUT_S]);
    command
}

fn answered(command: &mut Command, body: &str) -> Result<Option<u16>> {
    let done = process::capture(command, body)?;
    if done.status.code() == Some(NOT_ASKED) {
        bail!("curl does not ask: {}", done.text());
    }
    Ok(code(&done.stdout))
}

/// curl says 000 when no answer came.
fn code(said: &str) -> Option<u16> {
    said.trim().parse().ok().filter(|code| *code != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_answer_is_no_status() {
        assert_eq!(code("303"), Some(303));
        assert_eq!(code("000"), None);
        assert_eq!(code(""), None);
    }
}

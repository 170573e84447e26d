//! `ticker healthcheck`: for a container's health check, which has no other program to ask with.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::settings::{self, Environment};

/// Red until the server was ready once, then green for as long as it is alive: a database that is down
/// is no reason to restart it.
const PATH: &str = "/startz";
/// For each step: connecting, asking, hearing the answer.
const STEP_TIMEOUT: Duration = Duration::from_secs(3);

/// Asks the server of the same settings.
///
/// # Errors
/// When it does not answer, or answers that it has not been ready yet.
pub(crate) fn run(environment: &Environment) -> anyhow::Result<ExitCode> {
    let listen = settings::read_listen(environment)?;
    let address = SocketAddr::new(settings::own_address(listen.ip()), listen.port());
    let status = ask(address).with_context(|| format!("no answer from http://{address}{PATH}"))?;
    if status != "200" {
        bail!("http://{address}{PATH} answers {status}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The status of the answer, such as `200`.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, STEP_TIMEOUT)?;
    stream.set_read_timeout(Some(STEP_TIMEOUT))?;
    stream.set_write_timeout(Some(STEP_TIMEOUT))?;
    write!(
        stream,
        "GET {PATH} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut beginning = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut beginning)?;
    let status = std::str::from_utf8(&beginning)
        .ok()
        .and_then(|text| text.strip_prefix("HTTP/1.1 "));
    let status =
        status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "this is not HTTP"))?;
    Ok(status.to_owned())
}

//! `ticker-autoscaler healthcheck`: for a container's health check, which has no other program to ask with.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, ensure};

/// For each step: connecting, asking, hearing the answer.
const STEP_TIMEOUT: Duration = Duration::from_secs(3);
const ALIVE: &[u8] = b"HTTP/1.1 200";

/// Asks the process that listens at `listen` whether it is alive. It is while it looks, whatever it sees:
/// starting it anew would not bring back an engine or a Prometheus that does not answer.
///
/// # Errors
/// When it does not answer, or something else does.
pub(crate) fn run(listen: SocketAddr) -> anyhow::Result<()> {
    let address = SocketAddr::new(own_address(listen.ip()), listen.port());
    let context = || format!("no answer from http://{address}/healthz");
    let answer = ask(address).with_context(context)?;
    ensure!(
        answer == ALIVE,
        "http://{address}/healthz says something else than 200"
    );
    Ok(())
}

fn ask(address: SocketAddr) -> io::Result<[u8; ALIVE.len()]> {
    let mut stream = TcpStream::connect_timeout(&address, STEP_TIMEOUT)?;
    stream.set_read_timeout(Some(STEP_TIMEOUT))?;
    stream.set_write_timeout(Some(STEP_TIMEOUT))?;
    write!(
        stream,
        "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut beginning = [0; ALIVE.len()];
    stream.read_exact(&mut beginning)?;
    Ok(beginning)
}

/// Where this machine reaches an address that it listens on.
fn own_address(listen: IpAddr) -> IpAddr {
    match listen {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

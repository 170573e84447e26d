//! A process of Ticker as in production: the release binary, its log in a file.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::{DATABASE, Ground};
use crate::interrupt::{self, Interrupted};
use crate::process;

/// Ticker finishes what is in flight within 25 s of SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(30);
const READY_WAIT: Duration = Duration::from_mins(1);
/// How often a process that starts is asked whether it is ready.
const ASK_AGAIN: Duration = Duration::from_millis(1);

/// How a replica gets to the database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// Straight.
    Direct,
    /// Through something that listens on this port of 127.0.0.1.
    Through(u16),
}

/// A process of Ticker. Dropping it stops it.
pub(crate) struct Replica {
    child: Child,
    port: u16,
    metrics_port: u16,
    way: Way,
    log: PathBuf,
    /// From the start of the process until it said that it is ready.
    pub(crate) ready_after: Duration,
}

impl Replica {
    /// Starts a process and waits until it is ready.
    ///
    /// # Errors
    /// With the end of its log when it does not become ready; after Ctrl-C.
    pub(crate) fn start(ground: &Ground, name: &str) -> Result<Self> {
        Self::start_by(ground, name, Way::Direct)
    }

    /// As [`Replica::start`], with that way to the database.
    ///
    /// # Errors
    /// As [`Replica::start`].
    pub(crate) fn start_by(ground: &Ground, name: &str, way: Way) -> Result<Self> {
        let (port, metrics_port) = free_ports()?;
        let log = ground.folder().join(format!("{name}.log"));
        let begun = Instant::now();
        let mut replica = Self {
            child: launch(ground, port, metrics_port, way, &log)?,
            port,
            metrics_port,
            way,
            log,
            ready_after: Duration::ZERO,
        };
        replica.wait_until_ready(begun)?;
        replica.ready_after = begun.elapsed();
        Ok(replica)
    }

    /// Starts it again where it was, after it ended.
    ///
    /// # Errors
    /// As [`Replica::start`].
    pub(crate) fn start_again(&mut self, ground: &Ground) -> Result<()> {
        let begun = Instant::now();
        self.child = launch(ground, self.port, self.metrics_port, self.way, &self.log)?;
        self.wait_until_ready(begun)?;
        self.ready_after = begun.elapsed();
        Ok(())
    }

    /// Kills it, as a power cut would.
    ///
    /// # Errors
    /// When the operating system does not do it.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().context("cannot kill Ticker")?;
        self.child.wait().context("Ticker does not end")
    }

    /// Asks it to end, and waits; how it ended, and after how long.
    ///
    /// # Errors
    /// When nobody knows how it ended.
    pub(crate) fn stop(&mut self) -> Result<(ExitStatus, Duration)> {
        let begun = Instant::now();
        let ended = process::stop(&mut self.child, Signal::TERM, STOP_GRACE);
        Ok((ended.context("Ticker does not end")?, begun.elapsed()))
    }

    /// Stops it in its tracks: it is there, and does nothing.
    ///
    /// # Errors
    /// When the operating system does not do it.
    pub(crate) fn freeze(&self) -> Result<()> {
        process::signal(&self.child, Signal::STOP)
    }

    /// Lets it go on after [`Replica::freeze`].
    ///
    /// # Errors
    /// When the operating system does not do it.
    pub(crate) fn thaw(&self) -> Result<()> {
        process::signal(&self.child, Signal::CONT)
    }

    /// The port of 127.0.0.1 that it serves on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it serves.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The memory that it holds, in MiB.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        self.memory_mib("VmRSS")
    }

    /// The most memory that it has held since [`Replica::forget_peak`], in MiB.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub(crate) fn resident_mib_max(&self) -> Result<f64> {
        self.memory_mib("VmHWM")
    }

    /// Lets the most memory be what it holds now (`man 5 proc`, `clear_refs`).
    ///
    /// # Errors
    /// When the operating system does not do it.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        let file = format!("/proc/{}/clear_refs", self.child.id());
        fs::write(&file, "5").with_context(|| format!("cannot write {file}"))
    }

    fn memory_mib(&self, name: &str) -> Result<f64> {
        let file = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        mib_in(&text, name).with_context(|| format!("{file} has no {name}"))
    }

    fn wait_until_ready(&mut self, begun: Instant) -> Result<()> {
        while begun.elapsed() < READY_WAIT {
            if is_ready(self.port) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "Ticker ended before it was ready ({status}):\n{}",
                    self.log_end()
                );
            }
            if interrupt::requested() {
                return Err(Interrupted.into());
            }
            thread::sleep(ASK_AGAIN);
        }
        bail!(
            "Ticker is not ready after {READY_WAIT:?}:\n{}",
            self.log_end()
        );
    }

    fn log_end(&self) -> String {
        process::last_lines(&fs::read_to_string(&self.log).unwrap_or_default(), 15)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        process::stop(&mut self.child, Signal::TERM, STOP_GRACE);
    }
}

fn launch(ground: &Ground, port: u16, metrics_port: u16, way: Way, log: &Path) -> Result<Child> {
    let file = File::options().create(true).append(true).open(log);
    let file = file.with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = process::bound_to_us(&ground.programs.ticker, "TERM");
    ground.describe(&mut command);
    if let Way::Through(proxy) = way {
        let url = format!("postgres://ticker_app_1@127.0.0.1:{proxy}/{DATABASE}");
        command.env("TICKER_DATABASE_URL", url);
    }
    command
        .arg("serve")
        .env("TICKER_LISTEN", format!("127.0.0.1:{port}"))
        .env("TICKER_METRICS_LISTEN", format!("127.0.0.1:{metrics_port}"))
        .env("TICKER_ORIGIN", format!("http://127.0.0.1:{port}"))
        .env("TICKER_PLAIN_HTTP", "true")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file);
    process::spawn(&mut command)
}

/// `VmRSS:      10432 kB`.
fn mib_in(status: &str, name: &str) -> Option<f64> {
    let mut pairs = status.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    let kib: f64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1_024.0)
}

/// Two ports, held together for a moment so that they differ.
fn free_ports() -> Result<(u16, u16)> {
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port");
    let (one, other) = (free()?, free()?);
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
}

/// Whether `/readyz` answers 200. Whatever goes wrong on the way means "not yet".
fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut beginning = [0; 12];
        stream.read_exact(&mut beginning)?;
        Ok(&beginning == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_by_its_name() {
        let status = "Name:\tticker\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\nThreads:\t3\n";
        assert_eq!(mib_in(status, "VmRSS"), Some(10.0));
        assert_eq!(mib_in(status, "VmHWM"), Some(20.0));
        assert_eq!(mib_in(status, "Threads"), None);
        assert_eq!(mib_in(status, "Vm"), None);
    }
}

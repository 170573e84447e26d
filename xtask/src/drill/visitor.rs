//! A visitor of Ticker's pages who takes every answer as it is, the first time.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::ground::LOCATION;

/// Somebody who is signed in.
pub(super) struct Visitor {
    port: u16,
    /// The session, as the next request sends it.
    cookie: String,
}

/// What came of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) asked: Instant,
    pub(super) answered: Instant,
    /// `None` when the connection ended or nothing came in time.
    pub(super) status: Option<u16>,
    pub(super) is_press: bool,
}

/// No answer takes longer: it is 15 s that a request may take in Ticker.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Visitor {
    /// Signs in at a replica.
    ///
    /// # Errors
    /// When it does not let this account in.
    pub(super) fn sign_in(port: u16, (name, password): &(String, String)) -> Result<Self> {
        // What is made of these letters needs no quoting.
        let body = format!("username={name}&password={password}");
        let said = exchange(port, "POST /login", "", &body).context("nobody answers")?;
        let (_, rest) = said
            .split_once("set-cookie: ")
            .context("no session began")?;
        let (cookie, _) = rest.split_once(';').context("no session began")?;
        if !said.starts_with("HTTP/1.1 303") {
            bail!("{name} cannot sign in");
        }
        let cookie = format!("Cookie: {cookie}\r\n");
        Ok(Self { port, cookie })
    }

    /// Reads the inventory.
    pub(super) fn read(&self) -> Answer {
        self.ask("GET /", "")
    }

    /// Adds one of an item.
    ///
    /// # Errors
    /// When the operating system makes no key.
    pub(super) fn press(&self, item: u32) -> Result<Answer> {
        let key = fs::read_to_string("/proc/sys/kernel/random/uuid").context("no key")?;
        let body = format!("key={}&location={LOCATION}&delta=1", key.trim());
        Ok(self.ask(&format!("POST /items/{item}/adjust"), &body))
    }

    fn ask(&self, what: &str, body: &str) -> Answer {
        let asked = Instant::now();
        let said = exchange(self.port, what, &self.cookie, body);
        let status = said.ok().and_then(|said| said.get(9..12)?.parse().ok());
        Answer {
            asked,
            answered: Instant::now(),
            status,
            is_press: !body.is_empty(),
        }
    }
}

impl Answer {
    /// How long it took.
    pub(super) fn took(&self) -> Duration {
        self.answered - self.asked
    }
}

/// The accounts in a file of lines `name:password`.
///
/// # Errors
/// When it cannot be read.
pub(super) fn accounts(file: &Path) -> Result<Vec<(String, String)>> {
    let text = fs::read_to_string(file).context("cannot read the accounts")?;
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    Ok(pairs
        .map(|(name, password)| (name.to_owned(), password.to_owned()))
        .collect())
}

fn exchange(port: u16, what: &str, headers: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let length = body.len();
    let origin = format!("http://127.0.0.1:{port}");
    let request = format!(
        "{what} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\nAccept: application/json, text/html\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n{headers}\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

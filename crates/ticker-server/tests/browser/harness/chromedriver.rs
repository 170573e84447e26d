//! The WebDriver server, a process of the test's own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Ends with the value.
pub(crate) struct Chromedriver {
    process: Child,
    pub(crate) url: String,
}

/// It binds the port that the system chose for IPv4 for IPv6, too, where somebody may have it.
const ATTEMPTS_MAX: u32 = 5;

impl Chromedriver {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// If it is not there; the message says how to have it.
    pub(crate) fn start() -> Self {
        (0..ATTEMPTS_MAX)
            .find_map(|_| Self::try_start())
            .expect("chromedriver says on which port it listens")
    }

    /// `None` if it ended without listening.
    fn try_start() -> Option<Self> {
        let program = from_environment("TICKER_TEST_CHROMEDRIVER");
        let mut process = Command::new(&program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let Some(port) = port else {
            let _ = process.kill();
            let _ = process.wait();
            return None;
        };
        // Read on, or a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self {
            process,
            url: format!("http://127.0.0.1:{port}"),
        })
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The path of a program that `cargo xtask test` has found.
///
/// # Panics
/// If it has not.
pub(crate) fn from_environment(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set: run these tests with `cargo xtask test`, which finds or installs \
             Chromium and its driver"
        )
    })
}

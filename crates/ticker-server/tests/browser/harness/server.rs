//! The real binary, serving a test's database.

use std::collections::HashMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ticker_testkit::TestDatabase;

use super::await_condition::eventually;
use super::gate::Gate;

/// A running `ticker serve`, one of several that serve the same site; ends with the value.
pub(crate) struct Server {
    process: Mutex<Child>,
    folder: PathBuf,
    /// Where it listens itself.
    pub(crate) address: SocketAddr,
}

/// Somebody may take a port between its being found and its being bound.
const ATTEMPTS_MAX: u32 = 5;
const ANSWER_WAIT: Duration = Duration::from_secs(1);

impl Server {
    /// Starts one that people reach at `origin`, and waits until it takes requests.
    pub(crate) async fn start(origin: &str, db: &TestDatabase, gate: &Gate) -> Self {
        for _ in 1..ATTEMPTS_MAX {
            let server = Self::spawn(origin, db, gate);
            if server.takes_requests().await {
                return server;
            }
        }
        let last = Self::spawn(origin, db, gate);
        last.wait_until_ready().await;
        last
    }

    fn spawn(origin: &str, db: &TestDatabase, gate: &Gate) -> Self {
        let folder = scratch_folder("server");
        let settings = db.settings(5);
        let password = settings.password.expect("the tests' logins have passwords");
        std::fs::write(folder.join("password"), password).expect("a writable target folder");
        let [address, metrics_address] = free_addresses();
        let environment: HashMap<&str, String> = HashMap::from([
            ("TICKER_LISTEN", address.to_string()),
            ("TICKER_METRICS_LISTEN", metrics_address.to_string()),
            ("TICKER_ORIGIN", origin.to_owned()),
            ("TICKER_PLAIN_HTTP", "true".to_owned()),
            ("TICKER_DATABASE_URL", gate.url(&settings.url)),
            (
                "TICKER_DATABASE_PASSWORD_FILE",
                folder.join("password").display().to_string(),
            ),
        ]);
        let log = File::create(folder.join("log")).expect("a writable target folder");
        let process = Command::new(env!("CARGO_BIN_EXE_ticker"))
            .arg("serve")
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("another handle of a file"))
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        Self {
            process: Mutex::new(process),
            folder,
            address,
        }
    }

    /// Waits until it takes requests.
    pub(crate) async fn wait_until_ready(&self) {
        assert!(self.takes_requests().await, "{}", self.log());
    }

    /// Waits until it takes requests; false if it ended because its port was taken.
    async fn takes_requests(&self) -> bool {
        let address = format!("http://{}/readyz", self.address);
        let client = reqwest::Client::new();
        eventually("the server to be ready", async || {
            let ended = self
                .process
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .try_wait();
            if let Ok(Some(status)) = ended {
                let log = self.log();
                assert!(
                    log.contains("Address already in use"),
                    "the server ended with {status}:\n{log}"
                );
                return Ok(false);
            }
            // Whoever has taken the port may take the request as well, and never answer.
            let asked = client.get(&address).timeout(ANSWER_WAIT);
            let answer = asked.send().await?;
            answer.error_for_status().map(|_| true)
        })
        .await
    }

    /// Ends it as a machine without power does.
    pub(crate) fn kill(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = process.kill();
        let _ = process.wait();
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Lines that nobody should have to read: errors and panics. A database that is gone is not among
    /// them, as that is no defect.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.log();
        let is_complaint = |line: &&str| line.contains("\"ERROR\"") || line.contains("panicked");
        log.lines()
            .filter(is_complaint)
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Two addresses of the loopback interface that nothing listens on.
fn free_addresses() -> [SocketAddr; 2] {
    let free = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    free.map(|listener| listener.local_addr().expect("its address"))
}

/// A new folder of this process under `target/`.
pub(crate) fn scratch_folder(purpose: &str) -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let name = format!("browser-{purpose}-{}-{number}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a writable target folder");
    folder
}

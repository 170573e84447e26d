//! Running the real binary.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ticker_postgres::DatabaseSettings;

/// Nothing here takes nearly as long on a machine that is not on its knees.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(30);

/// The binary with the variables of a test. Nothing of the test's own environment gets through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    variables: BTreeMap<String, String>,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    /// The binary with everything that its commands need for a database.
    pub(crate) fn on(app: &DatabaseSettings, owner: &DatabaseSettings) -> Self {
        let password =
            |settings: &DatabaseSettings| file(settings.password.as_deref().unwrap_or_default());
        Self::default()
            .set("TICKER_DATABASE_URL", &app.url)
            .set("TICKER_DATABASE_PASSWORD_FILE", &password(app).display())
            .set("TICKER_OWNER_DATABASE_URL", &owner.url)
            .set(
                "TICKER_OWNER_DATABASE_PASSWORD_FILE",
                &password(owner).display(),
            )
            .set("TICKER_LISTEN", "127.0.0.1:0")
            .set("TICKER_METRICS_LISTEN", "127.0.0.1:0")
            .set("TICKER_ORIGIN", "http://127.0.0.1")
            .set("TICKER_PLAIN_HTTP", "true")
    }

    pub(crate) fn set(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.variables.insert(name.to_owned(), value.to_string());
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ended {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin
            .write_all(input.as_bytes())
            .expect("the input is read");
        drop(stdin);
        let stderr = Lines::of(child.stderr.take().expect("a pipe"));
        let mut stdout = child.stdout.take().expect("a pipe");
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).expect("UTF-8");
            text
        });
        let status = wait(&mut child, || stderr.text());
        let stdout = stdout.join().expect("it was read");
        Ended {
            code: status.code(),
            stdout,
            stderr: stderr.whole(),
        }
    }

    /// Starts `ticker serve` and waits until it listens, where the test has set.
    pub(crate) fn serve_in_any_format(&self) -> Server {
        self.start(&["serve"], "listening")
    }

    /// Starts a command and waits until it has logged a line with this.
    pub(crate) fn start(&self, arguments: &[&str], part: &str) -> Server {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary runs");
        drop(child.stdin.take());
        let lines = Lines::of(child.stderr.take().expect("a pipe"));
        let mut server = Server {
            child,
            lines,
            address: None,
            metrics_address: None,
        };
        server.line_with(part);
        server
    }

    /// Starts `ticker serve` and waits until it says where it listens.
    pub(crate) fn serve(&self) -> Server {
        let mut server = self.serve_in_any_format();
        let listening = server.line_with("\"listening\"");
        let listening: serde_json::Value =
            serde_json::from_str(&listening).expect("a line of JSON");
        let address = |field: &str| listening[field].as_str().and_then(|text| text.parse().ok());
        server.address = address("listen");
        server.metrics_address = address("metrics_listen");
        server
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ticker"));
        command
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Ended {
    /// Asserts that it did what it was asked to, and returns what it answered.
    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// Asserts that it ended with `code` and one line, which holds each of `parts`.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:#?}");
        for part in parts {
            assert!(
                self.stderr.contains(part),
                "{part:?} is not said: {self:#?}"
            );
        }
        assert_eq!(self.stdout, "", "answers only on success: {self:#?}");
    }
}

/// A `ticker serve` that runs. It is killed when the test is through with it.
pub(crate) struct Server {
    child: Child,
    lines: Lines,
    address: Option<SocketAddr>,
    metrics_address: Option<SocketAddr>,
}

impl Server {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
            .expect("the line that it listens names the address")
    }

    pub(crate) fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
            .expect("the line that it listens names the address")
    }

    pub(crate) fn process(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.process(), signal).expect("the process is there");
    }

    /// How much memory it holds.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.memory_kib("VmRSS:")
    }

    /// What of it is its own, and not the program's file, in KiB.
    pub(crate) fn anonymous_kib(&self) -> u64 {
        self.memory_kib("RssAnon:")
    }

    fn memory_kib(&self, name: &str) -> u64 {
        let status = format!("/proc/{}/status", self.process().as_raw_nonzero());
        let status = std::fs::read_to_string(status).expect("a process on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
        kib.expect("a number of kB")
    }

    /// Waits for a logged line that holds `part`.
    #[track_caller]
    pub(crate) fn line_with(&mut self, part: &str) -> String {
        let begun = Instant::now();
        loop {
            // Asked first: the last line may come between the end of the process and our look at it.
            let was_over = self.lines.are_over();
            if let Some(line) = self.lines.text().lines().find(|line| line.contains(part)) {
                return line.to_owned();
            }
            let said = || self.lines.text();
            assert!(!was_over, "it ended without saying {part:?}:\n{}", said());
            assert!(
                begun.elapsed() < WAIT_MAX,
                "it does not say {part:?}:\n{}",
                said()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What was logged so far.
    pub(crate) fn log(&self) -> String {
        self.lines.text()
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let lines = &self.lines;
        wait(&mut self.child, || lines.text())
    }

    /// Waits until a path answers with a status.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, path: &str, status: u16) {
        let begun = Instant::now();
        loop {
            let answer = self.status(path);
            if answer == Some(status) {
                return;
            }
            assert!(
                begun.elapsed() < WAIT_MAX,
                "{path} answers {answer:?}, not {status}:\n{}",
                self.lines.text()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The status that a path answers with, if it answers.
    pub(crate) fn status(&self, path: &str) -> Option<u16> {
        let answer = exchange(self.address(), &get(path)).ok()?;
        answer
            .strip_prefix("HTTP/1.1 ")?
            .split(' ')
            .next()?
            .parse()
            .ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request whose connection ends with its answer.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
}

/// Sends a request, and returns everything that comes back until the other side closes.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> std::io::Result<String> {
    let mut stream = std::net::TcpStream::connect_timeout(&address, WAIT_MAX)?;
    stream.set_read_timeout(Some(WAIT_MAX))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// A file of this run with a content, for `…_FILE`.
pub(crate) fn file(content: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("setting-{}-{number}", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("the folder for tests can be written");
    path
}

/// Waits for the end of a process, but not forever.
#[track_caller]
fn wait(child: &mut Child, said: impl Fn() -> String) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("the process is ours") {
            return status;
        }
        if begun.elapsed() > WAIT_MAX {
            let _ = child.kill();
            panic!("it does not end; it said:\n{}", said());
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// What a process has written so far, read by a thread so that it never waits for us.
struct Lines {
    text: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Lines {
    fn of(pipe: impl std::io::Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&text);
        let reader = thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = String::new();
            while pipe.read_line(&mut line).is_ok_and(|read| read > 0) {
                sink.lock().expect("nobody panics with it").push_str(&line);
                line.clear();
            }
        });
        Self {
            text,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        self.text.lock().expect("nobody panics with it").clone()
    }

    /// Whether nothing more will come.
    fn are_over(&self) -> bool {
        self.reader
            .as_ref()
            .is_none_or(thread::JoinHandle::is_finished)
    }

    /// Everything, once the process has ended.
    fn whole(mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("it was read");
        }
        self.text()
    }
}

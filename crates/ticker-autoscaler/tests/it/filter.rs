//! `docker-api/haproxy.cfg` before an engine's socket, run by a real `HAProxy`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::engine::Engine;
use crate::in_time;
use crate::program::Program;
use crate::prometheus::{Figures, Prometheus};

/// `HAProxy` with the repository's configuration before an engine of its own.
struct Filter {
    child: Child,
    folder: PathBuf,
    address: String,
}

impl Filter {
    async fn before(engine: &Engine) -> Self {
        let address = free_address();
        let folder = format!("ticker-filter-{}", address.replace(':', "-"));
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let socket = folder.join("docker.sock");
        engine.on_socket(&socket);
        let child = haproxy()
            .arg("-db")
            .env("TICKER_DOCKER_API_LISTEN", &address)
            .env("TICKER_DOCKER_API_SOCKET", &socket)
            .env("TICKER_DOCKER_API_SERVICE", "ticker_app")
            .spawn()
            .expect("HAProxy runs");
        let filter = Self {
            child,
            folder,
            address,
        };
        let listening = async {
            while filter.status("GET", "/_ping").await.is_none() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        in_time("HAProxy listens", listening).await;
        filter
    }

    /// The status of an answer; `None` for no answer. The path is sent as it stands: a client of more manners
    /// would tidy it up first.
    async fn status(&self, method: &str, path: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(&self.address).await.ok()?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        // It may have ended, and the folder may be gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// `HAProxy` with the repository's configuration and no variables.
fn haproxy() -> Command {
    let program = std::env::var("TICKER_TEST_HAPROXY")
        .expect("TICKER_TEST_HAPROXY names HAProxy: `cargo xtask test` sets it");
    let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker-api/haproxy.cfg");
    let mut command = Command::new(program);
    command
        .env_clear()
        .arg("-f")
        .arg(configuration)
        .stdout(Stdio::null());
    command
}

fn free_address() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[tokio::test]
async fn the_autoscaler_gets_through() {
    let engine = Engine::new(&[
        ("min", "2"),
        ("max", "5"),
        ("target", "8"),
        ("up-after", "0s"),
    ]);
    let filter = Filter::before(&engine).await;
    let prometheus = Prometheus::new(Figures {
        load: Some("40"),
        reporting: Some("2"),
        ..Figures::default()
    });
    let docker = format!("tcp://{}", filter.address);
    let running = Program::new(&docker, prometheus.on_port().await)
        .start()
        .await;
    engine.until("scaled", |known| known.replicas() == 5).await;
    running.counted("up").await;
}

#[tokio::test]
async fn a_filter_that_refuses_is_a_failure_that_is_said() {
    let engine = Engine::new(&[("min", "2"), ("max", "5"), ("target", "8")]);
    engine.change(|known| known.spec["Name"] = "ticker_other".into());
    let filter = Filter::before(&engine).await;
    let prometheus = Prometheus::new(Figures {
        load: Some("40"),
        reporting: Some("2"),
        ..Figures::default()
    });
    let docker = format!("tcp://{}", filter.address);
    let running = Program::new(&docker, prometheus.on_port().await)
        .start()
        .await;
    running
        .metric("ticker_swarm_tasks_running{service=\"other\"} 2")
        .await;
    let line = running.line("could not be scaled").await;
    let failure = line["failure"].as_str().expect("a reason");
    assert!(failure.starts_with("403 Forbidden"), "{failure}");
    let known = engine.rounds(3).await;
    assert_eq!(known.writes, 0, "nothing got through");
    assert_eq!(running.count("could not be scaled"), 1, "said once");
}

#[tokio::test]
async fn nothing_else_gets_through() {
    let engine = Engine::new(&[]);
    let filter = Filter::before(&engine).await;
    let asked_before = engine.known().strange.len();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/containers/json"),
        ("GET", "/v1.45/containers/json"),
        ("GET", "/images/json"),
        ("GET", "/secrets"),
        ("GET", "/configs"),
        ("GET", "/swarm"),
        ("GET", "/swarm/unlockkey"),
        ("GET", "/events"),
        ("GET", "/tasks/t1/logs"),
        ("GET", "/services/ticker_app/logs"),
        ("GET", "/nodes/n1"),
        ("GET", "/services/.."),
        ("GET", "/services/%2e%2e/secrets"),
        ("GET", "/services/x%2f..%2f..%2fsecrets"),
        ("GET", "//secrets"),
        ("GET", "/v1.45//secrets"),
        ("GET", "/v1.45/v1.45/services"),
        ("GET", "/services/a/../../secrets"),
        ("GET", "/SERVICES"),
        ("POST", "/services"),
        ("POST", "/services/create"),
        ("POST", "/services/ticker_db/update"),
        ("POST", "/v1.45/services/ticker_db/update?version=1"),
        ("POST", "/services/ticker_app2/update"),
        ("POST", "/services/ticker_app/update/"),
        ("POST", "/services/ticker_app/../ticker_db/update"),
        ("POST", "/services/ticker_app%2f..%2fticker_db/update"),
        ("POST", "/services/tickerxapp/update"),
        ("POST", "/services//update"),
        ("POST", "/containers/create"),
        ("POST", "/containers/c1/exec"),
        ("POST", "/nodes/n1/update"),
        ("POST", "/swarm/leave"),
        ("POST", "/version"),
        ("POST", "/tasks"),
        ("PUT", "/services/ticker_app/update"),
        ("GET", "/services/ticker_app/update"),
        ("DELETE", "/services/ticker_app"),
        ("DELETE", "/nodes/n1"),
        ("PATCH", "/services"),
        ("CONNECT", "/services"),
        ("OPTIONS", "/services"),
        ("get", "/services"),
    ] {
        let status = filter.status(method, path).await;
        // What is no HTTP is refused as such, before anything is let through.
        assert!(
            matches!(status, Some(403 | 400)),
            "{method} {path}: {status:?}"
        );
    }
    let known = engine.known();
    assert_eq!(known.strange.len(), asked_before, "{:?}", known.strange);
    assert_eq!((known.rounds, known.writes), (0, 0));
}

#[tokio::test]
async fn what_the_autoscaler_needs_gets_through() {
    let engine = Engine::new(&[]);
    let filter = Filter::before(&engine).await;
    for (path, status) in [
        ("/version", 200),
        ("/v1.45/tasks", 200),
        ("/v1.45/nodes", 200),
        // The engine's own answers: it knows fewer paths than a real one.
        ("/_ping", 404),
        ("/info", 404),
        ("/services/ticker_app", 404),
        ("/v1.45/services/ticker_db?insertDefaults=true", 404),
    ] {
        assert_eq!(filter.status("GET", path).await, Some(status), "{path}");
    }
    let written = "/v1.45/services/ticker_app/update?version=41";
    // Without a body of JSON the engine refuses it, by itself.
    assert_eq!(filter.status("POST", written).await, Some(415));
}

#[test]
fn without_the_services_name_it_does_not_start() {
    let output = haproxy().arg("-c").stderr(Stdio::piped()).output();
    let output = output.expect("HAProxy runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("TICKER_DOCKER_API_SERVICE is not set"),
        "{said}"
    );
}

//! The dashboards: every query of every panel about Ticker is run by a real Prometheus that reads a real Ticker by
//! the repository's own configuration. Those about what else a stack has are run where there is one
//! (`cargo xtask dashboards check`).

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestDatabase};

use crate::program::{Program, Server, free_port};

/// Two reads of the metrics, 5 s apart, make a rate; the rest is for a machine that is busy.
const DATA_WAIT_MAX: Duration = Duration::from_mins(1);
/// What Grafana puts for `$__rate_interval`: four times the scrape interval.
const RATE_INTERVAL: &str = "20s";
/// Jobs that only a stack has. Prometheus reads them every 15 s, not every 5 s.
const OF_A_STACK: [&str; 4] = ["postgres", "node", "autoscaler", "blackbox"];
/// Dashboards that are about Ticker alone.
const OF_TICKER: [&str; 3] = ["ticker-service", "ticker-stock", "ticker-ledger"];

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_every_panel_returns_data() {
    let db = TestDatabase::new().await;
    let user = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(40).await;
    let origin = format!("http://127.0.0.1:{}", free_port());
    let listen = origin.trim_start_matches("http://");
    let mut server = Program::on(&db.settings(4), &db.owner_settings())
        .set("TICKER_ORIGIN", &origin)
        .set("TICKER_LISTEN", listen)
        .serve();
    server.wait_for("/readyz", 200);
    let prometheus = Prometheus::start(&server);

    let client = reqwest::Client::builder()
        .cookie_store(true)
        .build()
        .expect("a client");
    let post = |path: String, form: Vec<(&'static str, String)>| {
        client
            .post(format!("{origin}{path}"))
            .header("Origin", &origin)
            .form(&form)
            .send()
    };
    let credentials = [
        ("username", user.username.clone()),
        ("password", PASSWORD.to_owned()),
    ];
    let signed_in = post("/login".to_owned(), credentials.to_vec())
        .await
        .expect("an answer");
    assert_eq!(
        signed_in.status(),
        200,
        "the inventory, after being sent there"
    );
    let adjustment = [
        ("key", "7f0c1c52-6a0a-4c39-9d53-0b62f5a1a001".to_owned()),
        ("location", item.home.0.to_string()),
        ("mode", "by".to_owned()),
        ("quantity", "-1".to_owned()),
        ("reason", "sold".to_owned()),
    ];
    let adjusted = post(format!("/items/{}/adjust", item.id.0), adjustment.to_vec()).await;
    assert_eq!(adjusted.expect("an answer").status(), 200);

    // What moved is in the next survey, which is due in a minute otherwise.
    db.sql("update jobs set due_at = now() where name = 'survey_stock'")
        .await;
    for dashboard in dashboards() {
        let asked = queries(&dashboard).into_iter().chain(variables(&dashboard));
        for (what, query) in asked {
            if needs_stack(&query) {
                let uid = dashboard["uid"].as_str().expect("a uid");
                assert!(!OF_TICKER.contains(&uid), "{uid}: {query}");
            } else {
                prometheus.wait_for_data(&what, &concrete(&query)).await;
            }
        }
    }
    for counted in [
        r#"ticker_sign_ins_total{job="ticker",outcome="accepted"} >= 1"#,
        r#"ticker_postings_total{job="ticker",outcome="posted",source="page"} >= 1"#,
        r#"ticker_http_request_duration_seconds_count{job="ticker",route="/login",method="POST"} >= 1"#,
    ] {
        prometheus
            .wait_for_data("what was done is counted", counted)
            .await;
    }
}

#[test]
fn dashboards_fit_grafana() {
    let datasources = read("grafana/provisioning/datasources/prometheus.yml");
    for dashboard in dashboards() {
        for field in ["uid", "title", "schemaVersion", "templating"] {
            assert!(!dashboard[field].is_null(), "no {field}");
        }
        assert!(
            dashboard.get("id").is_none(),
            "a number of one Grafana does not fit another"
        );
        let (mut ids, mut cells) = (HashSet::new(), HashSet::new());
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().expect("a title");
            assert!(
                ids.insert(panel["id"].as_u64().expect("an id")),
                "{title}: its id is another's, too"
            );
            let place = |field: &str| {
                panel["gridPos"][field]
                    .as_u64()
                    .expect("a place on the grid")
            };
            let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
            assert!(
                x + w <= 24 && w > 0 && h > 0,
                "{title} does not fit the grid"
            );
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(cells.insert(cell), "{title} lies over another panel");
            }
            if panel["type"] == "row" {
                continue;
            }
            assert!(
                panel["description"].is_string(),
                "{title} does not say what it shows"
            );
            let uid = panel["datasource"]["uid"].as_str().expect("a data source");
            assert!(
                datasources.contains(&format!("uid: {uid}\n")),
                "{title}: {uid} is not provisioned"
            );
            let targets = panel["targets"].as_array().expect("queries");
            let is_slow = targets.iter().any(|target| {
                let expr = target["expr"].as_str().unwrap_or_default();
                needs_stack(expr)
                    || expr.contains("ticker:")
                    || expr.contains(r#"job="prometheus""#)
            });
            assert_eq!(
                panel["interval"] == "15s",
                is_slow && panel["type"] != "row",
                "{title}: rates are taken over four of the intervals at which its series are read"
            );
            assert!(!targets.is_empty(), "{title} has no query");
            for target in targets {
                assert!(
                    target["refId"].is_string(),
                    "{title}: a query has no letter"
                );
                assert!(
                    target["expr"].as_str().is_some_and(|expr| !expr.is_empty()),
                    "{title}"
                );
            }
        }
    }
}

/// A Prometheus with the repository's configuration, in which only the addresses are a test's.
struct Prometheus {
    child: Child,
    folder: PathBuf,
    url: String,
    client: reqwest::Client,
}

impl Prometheus {
    fn start(server: &Server) -> Self {
        let program = std::env::var("TICKER_TEST_PROMETHEUS").expect(
            "TICKER_TEST_PROMETHEUS is not set: `cargo xtask test` without arguments installs Prometheus",
        );
        let port = free_port();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("prometheus-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder for tests can be written");
        let own = read("prometheus/prometheus.yml");
        let replicas =
            "dns_sd_configs: [{ names: [tasks.app], type: A, port: 9091, refresh_interval: 5s }]";
        assert!(own.contains(replicas), "replicas are found by name");
        let here = format!(
            "static_configs: [{{ targets: [\"{}\"] }}]",
            server.metrics_address()
        );
        let config = own
            .replace(replicas, &here)
            .replace("localhost:9090", &format!("127.0.0.1:{port}"))
            .replace(
                "rules/*.yml",
                &root().join("prometheus/rules/*.yml").display().to_string(),
            );
        let config_file = folder.join("prometheus.yml");
        std::fs::write(&config_file, config).expect("the folder can be written");
        let child = Command::new(program)
            .arg(format!("--config.file={}", config_file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!(
                "--web.listen-address={}:{port}",
                Ipv4Addr::LOCALHOST
            ))
            .arg("--log.level=error")
            .stdin(Stdio::null())
            .spawn()
            .expect("Prometheus runs");
        let url = format!("http://{}:{port}", Ipv4Addr::LOCALHOST);
        Self {
            child,
            folder,
            url,
            client: reqwest::Client::new(),
        }
    }

    /// Waits until a query has something to show.
    async fn wait_for_data(&self, what: &str, query: &str) {
        let begun = Instant::now();
        loop {
            let answer = self.query(query).await;
            if let Ok(answer) = &answer {
                assert_eq!(answer["status"], "success", "{what}: {query}\n{answer}");
                if answer["data"]["result"]
                    .as_array()
                    .is_some_and(|found| !found.is_empty())
                {
                    return;
                }
            }
            assert!(
                begun.elapsed() < DATA_WAIT_MAX,
                "{what}: no data for {query}\n{answer:?}"
            );
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    async fn query(&self, query: &str) -> reqwest::Result<Value> {
        let url = format!("{}/api/v1/query", self.url);
        self.client
            .get(url)
            .query(&[("query", query)])
            .send()
            .await?
            .json()
            .await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn dashboards() -> Vec<Value> {
    let folder = root().join("grafana/dashboards");
    let files = std::fs::read_dir(folder).expect("the dashboards are there");
    let files = files.map(|file| file.expect("a file").path());
    let texts = files.map(|file| std::fs::read_to_string(file).expect("it can be read"));
    let dashboards: Vec<Value> = texts
        .map(|text| serde_json::from_str(&text).expect("a dashboard in JSON"))
        .collect();
    assert!(!dashboards.is_empty(), "there is no dashboard");
    dashboards
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    dashboard["panels"]
        .as_array()
        .expect("panels")
        .iter()
        .collect()
}

/// The panels' queries, each with its panel's title.
fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    panels(dashboard)
        .into_iter()
        .filter_map(|panel| Some((panel, panel["targets"].as_array()?)))
        .flat_map(|(panel, targets)| targets.iter().map(move |target| (panel, target)))
        .map(|(panel, target)| (text(&panel["title"]), text(&target["expr"])))
        .collect()
}

/// The series that the dashboard's variables take their values from.
fn variables(dashboard: &Value) -> Vec<(String, String)> {
    let list = dashboard["templating"]["list"].as_array().expect("a list");
    let series = |query: &str| {
        let inside = query.strip_prefix("label_values(")?.strip_suffix(')')?;
        Some(inside.rsplit_once(',')?.0.to_owned())
    };
    let variable = |variable: &Value| {
        let query = variable["query"]["query"].as_str().expect("a query");
        let series = series(query).expect("label_values(series, label)");
        (variable["name"].to_string(), series)
    };
    list.iter().map(variable).collect()
}

fn needs_stack(query: &str) -> bool {
    // A rule records the latter from what the nodes tell.
    OF_A_STACK
        .iter()
        .any(|job| query.contains(&format!("job=\"{job}\"")))
        || query.contains("ticker:disk_free:ratio")
}

/// The query as Grafana sends it with every variable at "All".
fn concrete(query: &str) -> String {
    query
        .replace("$__rate_interval", RATE_INTERVAL)
        .replace("$instance", ".*")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

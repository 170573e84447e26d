//! An engine of a swarm with one service, as far as the autoscaler knows engines.

use std::net::SocketAddr;
use std::path::Path;

use axum::Json;
use axum::Router;
use axum::extract::{Path as At, Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use crate::in_time;

/// What an engine knows, and what it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) version: u64,
    pub(crate) spec: Value,
    pub(crate) update_state: Option<&'static str>,
    /// Replicas that do not come up.
    pub(crate) stuck: u64,
    /// How often the services were asked for: once a round.
    pub(crate) rounds: u32,
    /// How often something was to be changed, with or without success.
    pub(crate) writes: u32,
    /// Somebody else changes the service before the next write arrives.
    pub(crate) is_about_to_be_overtaken: bool,
    /// What is asked goes nowhere.
    pub(crate) is_down: bool,
    /// What nobody should ask for.
    pub(crate) strange: Vec<String>,
}

impl Known {
    pub(crate) fn replicas(&self) -> u64 {
        self.spec["Mode"]["Replicated"]["Replicas"]
            .as_u64()
            .expect("a number")
    }

    fn service(&self) -> Value {
        let status = self.update_state.map(|state| json!({ "State": state }));
        json!({
            "ID": "s1", "Version": {"Index": self.version}, "CreatedAt": "2026-11-20T10:00:00Z",
            "Spec": self.spec, "UpdateStatus": status,
        })
    }

    fn tasks(&self) -> Vec<Value> {
        let is_stuck = |number: u64| number >= self.replicas() - self.stuck;
        (0..self.replicas())
            .map(|number| {
                let state = if is_stuck(number) { "pending" } else { "running" };
                json!({
                    "ID": format!("t{number}"), "ServiceID": "s1", "NodeID": "n1", "DesiredState": "running",
                    "CreatedAt": "2026-11-20T12:00:00Z", "Status": {"State": state},
                })
            })
            .collect()
    }
}

/// The engine; a clone is the same.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    known: watch::Sender<Known>,
    tasks: TaskTracker,
}

impl Engine {
    /// With two replicas of `ticker_app`, labelled with `ticker.autoscale.…`.
    pub(crate) fn new(labels: &[(&str, &str)]) -> Self {
        let mut all = json!({ "com.docker.stack.namespace": "ticker" });
        for (name, value) in labels {
            all[format!("ticker.autoscale.{name}")] = (*value).into();
        }
        let spec = json!({
            "Name": "ticker_app", "Labels": all,
            "Mode": {"Replicated": {"Replicas": 2}},
            "TaskTemplate": {
                "ContainerSpec": {"Image": "ticker:0.1.0@sha256:0123", "Unheard": {"Of": [1, null, 0.1]}},
                "ForceUpdate": 0,
            },
            "UpdateConfig": {"Parallelism": 1, "Order": "start-first", "MaxFailureRatio": 0.1},
            "OfTomorrow": 18_446_744_073_709_551_615_u64,
        });
        let known = Known {
            version: 41,
            spec,
            update_state: None,
            stuck: 0,
            rounds: 0,
            writes: 0,
            is_about_to_be_overtaken: false,
            is_down: false,
            strange: Vec::new(),
        };
        Self {
            known: watch::Sender::new(known),
            tasks: TaskTracker::new(),
        }
    }

    /// Answers on a port of this machine.
    pub(crate) async fn on_port(&self) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = self.router();
        self.tasks
            .spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// Answers on a Unix socket, as engines do.
    pub(crate) fn on_socket(&self, path: &Path) {
        let listener = UnixListener::bind(path).expect("a socket");
        let router = self.router();
        self.tasks
            .spawn(async move { axum::serve(listener, router).await });
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Known)) {
        self.known.send_modify(change);
    }

    pub(crate) fn known(&self) -> Known {
        self.known.borrow().clone()
    }

    /// Waits until what is known is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl FnMut(&Known) -> bool) -> Known {
        let mut known = self.known.subscribe();
        let found = in_time(what, known.wait_for(is_so)).await;
        found.expect("the engine is here").clone()
    }

    /// Waits for rounds that begin from now on to be over.
    pub(crate) async fn rounds(&self, count: u32) -> Known {
        let end = self.known().rounds + count + 1;
        self.until("rounds", |known| known.rounds >= end).await
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/version", get(version))
            .route("/v1.45/services", get(services))
            .route("/v1.45/tasks", get(tasks))
            .route("/v1.45/nodes", get(nodes))
            .route("/v1.45/services/{name}/update", post(update))
            .fallback(strange)
            .with_state(self.clone())
    }
}

async fn version(State(engine): State<Engine>) -> Response {
    if engine.known().is_down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    Json(json!({ "ApiVersion": "1.45" })).into_response()
}

#[derive(Deserialize)]
struct Filters {
    filters: String,
}

async fn services(State(engine): State<Engine>, Query(asked): Query<Filters>) -> Json<Value> {
    let filters = r#"{"label":["com.docker.stack.namespace=ticker"]}"#;
    assert_eq!(asked.filters, filters, "every service of the swarm");
    engine.change(|known| known.rounds += 1);
    Json(json!([engine.known().service()]))
}

async fn tasks(State(engine): State<Engine>) -> Json<Value> {
    Json(json!(engine.known().tasks()))
}

async fn nodes() -> Json<Value> {
    Json(json!([{ "ID": "n1", "Status": {"State": "ready"} }]))
}

#[derive(Deserialize)]
struct Replaced {
    version: u64,
}

async fn update(
    State(engine): State<Engine>,
    At(name): At<String>,
    Query(replaced): Query<Replaced>,
    Json(spec): Json<Value>,
) -> Response {
    let mut is_done = false;
    engine.change(|known| {
        known.writes += 1;
        if known.is_about_to_be_overtaken {
            known.is_about_to_be_overtaken = false;
            known.version += 1;
            known.spec["TaskTemplate"]["ContainerSpec"]["Image"] = "ticker:0.1.1".into();
        }
        is_done = replaced.version == known.version && name == "ticker_app";
        if is_done {
            known.version += 1;
            known.spec = spec;
        }
    });
    if is_done {
        return Json(json!({ "Warnings": null })).into_response();
    }
    let message = "rpc error: code = Unknown desc = update out of sequence";
    let answer = Json(json!({ "message": message }));
    (StatusCode::INTERNAL_SERVER_ERROR, answer).into_response()
}

async fn strange(State(engine): State<Engine>, method: Method, uri: Uri) -> StatusCode {
    engine.change(|known| known.strange.push(format!("{method} {uri}")));
    StatusCode::NOT_FOUND
}

//! A Prometheus that knows what a test tells it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// What is known, as `PromQL` writes it; what is not there is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) load: Option<&'static str>,
    pub(crate) reporting: Option<&'static str>,
    pub(crate) p99: Option<&'static str>,
    pub(crate) room: Option<&'static str>,
    pub(crate) is_down: bool,
}

/// Prometheus; a clone is the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prometheus {
    figures: Arc<Mutex<Figures>>,
    tasks: TaskTracker,
}

impl Prometheus {
    pub(crate) fn new(figures: Figures) -> Self {
        let prometheus = Self::default();
        prometheus.tell(figures);
        prometheus
    }

    pub(crate) fn tell(&self, figures: Figures) {
        *self.figures.lock().expect("no test failed with it") = figures;
    }

    /// Answers on a port of this machine.
    pub(crate) async fn on_port(&self) -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .route("/api/v1/query", get(query))
            .with_state(self.clone());
        self.tasks
            .spawn(async move { axum::serve(listener, router).await });
        address
    }
}

#[derive(Deserialize)]
struct Asked {
    query: String,
}

async fn query(State(prometheus): State<Prometheus>, Query(asked): Query<Asked>) -> Response {
    let figures = *prometheus.figures.lock().expect("no test failed with it");
    if figures.is_down {
        let answer =
            json!({ "status": "error", "errorType": "unavailable", "error": "starting up" });
        return (StatusCode::SERVICE_UNAVAILABLE, Json(answer)).into_response();
    }
    let value = match asked.query.split('(').next() {
        Some("avg_over_time") => figures.load,
        Some("count") => figures.reporting,
        Some("histogram_quantile") => figures.p99,
        Some("max") => figures.room,
        _ => panic!("what is {}?", asked.query),
    };
    let result: Vec<_> = value
        .map(|value| json!({ "metric": {}, "value": [1_763_686_800.5, value] }))
        .into_iter()
        .collect();
    let data = json!({ "resultType": "vector", "result": result });
    Json(json!({ "status": "success", "data": data })).into_response()
}

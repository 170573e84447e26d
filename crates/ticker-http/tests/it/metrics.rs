//! What Prometheus reads.

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use ticker_auth::Anyone;
use ticker_domain::user::Role;
use ticker_http::{Metrics, metrics_service};
use tower::ServiceExt as _;

use crate::app::TestApp;

async fn scrape(metrics: &Metrics, app: &TestApp, path: &str) -> (StatusCode, String) {
    let service = metrics_service(metrics.clone(), app.app.clone());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

/// One test, as a process has one recorder.
#[tokio::test]
async fn everything_is_there_from_the_start_and_counts() {
    let app = TestApp::new().await;
    let metrics = Metrics::install("1.2.3", Some("abc")).unwrap();
    let (status, text) = scrape(&metrics, &app, "/metrics").await;
    assert_eq!(status, StatusCode::OK);
    for line in [
        "ticker_build_info{version=\"1.2.3\",commit=\"abc\"} 1",
        "ticker_http_requests_in_flight 0",
        "ticker_http_request_duration_seconds_count{method=\"POST\",route=\"/items/{id}/adjust\",status=\"303\"} 0",
        "ticker_http_request_duration_seconds_bucket{method=\"GET\",route=\"/\",status=\"200\",le=\"0.0005\"} 0",
        "ticker_http_request_duration_seconds_bucket{method=\"GET\",route=\"/\",status=\"200\",le=\"10\"} 0",
        "ticker_http_request_duration_seconds_count{method=\"GET\",route=\"/\",status=\"503\"} 0",
        "ticker_sign_ins_total{outcome=\"refused\"} 0",
        "ticker_postings_total{source=\"page\",outcome=\"posted\"} 0",
        "ticker_posting_queue_postings_max 4096",
        "ticker_stock_items{status=\"low\"} 0",
        "ticker_stock_surveyed_timestamp_seconds 0",
        "# TYPE ticker_stock_item_postings gauge",
        "ticker_database_connections{state=\"posting\"} 0",
        "# TYPE ticker_process_resident_memory_bytes gauge",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }

    app.browser(Role::Staff).await.get("/").await;
    app.stranger().get("/nothing/of/the/kind").await;
    app.stranger()
        .ask(http::Method::from_bytes(b"BREW").unwrap(), "/login")
        .send()
        .await;
    let (_, text) = scrape(&metrics, &app, "/metrics").await;
    let count = |labels: &str| {
        let start = format!("ticker_http_request_duration_seconds_count{{{labels}}} ");
        text.lines()
            .find_map(|line| line.strip_prefix(&start))
            .unwrap_or("none")
            .to_owned()
    };
    assert_eq!(count("method=\"GET\",route=\"/\",status=\"200\""), "1");
    assert_eq!(
        count("method=\"GET\",route=\"unmatched\",status=\"404\""),
        "1"
    );
    assert_eq!(
        count("method=\"other\",route=\"/login\",status=\"405\""),
        "1"
    );
    assert!(!text.contains("nothing/of"), "{text}");

    // A client that goes away before its answer is counted as well.
    let waiting = app.browser(Role::Staff).await;
    // On a busy machine the database may have answered by the time that it is first looked at.
    let mut tries = 0;
    while futures_util::poll!(Box::pin(waiting.get("/"))).is_ready() {
        tries += 1;
        assert!(tries < 1_000, "no request ever waits for the database");
    }
    let (_, text) = scrape(&metrics, &app, "/metrics").await;
    let gone =
        "ticker_http_request_duration_seconds_count{method=\"GET\",route=\"/\",status=\"499\"} 1";
    assert!(text.contains(gone), "{text}");
    assert!(text.contains("ticker_http_requests_in_flight 0"), "{text}");

    the_busiest_items_come_and_go(&metrics, &app).await;

    assert_eq!(scrape(&metrics, &app, "/").await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        app.stranger().get("/metrics").await.status,
        StatusCode::NOT_FOUND,
        "not in public"
    );
}

async fn the_busiest_items_come_and_go(metrics: &Metrics, app: &TestApp) {
    let shown = async || {
        app.app.report_jobs(Anyone).await.unwrap();
        let (_, text) = scrape(metrics, app, "/metrics").await;
        let lines = text.lines().map(str::to_owned);
        lines
            .filter(|line| line.starts_with("ticker_stock_item_postings"))
            .collect::<Vec<_>>()
    };
    app.db
        .sql(
            r#"update stock_surveys set surveyed_at = now(), items_low = 7,
                   busiest_skus = '{a \"b\" \\ c,AA}', busiest_postings = '{5, 3}'"#,
        )
        .await;
    assert_eq!(
        shown().await,
        [
            r#"ticker_stock_item_postings{sku="a \"b\" \\ c"} 5"#,
            "ticker_stock_item_postings{sku=\"AA\"} 3",
        ]
    );
    let (_, text) = scrape(metrics, app, "/metrics").await;
    let low = "ticker_stock_items{status=\"low\"} 7";
    assert!(text.lines().any(|line| line == low), "{text}");
    app.db
        .sql("update stock_surveys set busiest_skus = '{AA}', busiest_postings = '{1}'")
        .await;
    assert_eq!(shown().await, ["ticker_stock_item_postings{sku=\"AA\"} 1"]);
}

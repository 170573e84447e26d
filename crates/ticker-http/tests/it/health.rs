//! Whether the process lives, and whether it should get requests.

use http::StatusCode;

use crate::app::TestApp;

async fn line(app: &TestApp, path: &str) -> (u16, String) {
    let answer = app.stranger().get(path).await;
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    (answer.status.as_u16(), answer.text().to_owned())
}

#[tokio::test]
async fn a_ready_process_says_so_until_it_drains() {
    let app = TestApp::new().await;
    assert_eq!(line(&app, "/healthz").await, (200, "alive\n".into()));
    assert_eq!(line(&app, "/readyz").await, (200, "ready\n".into()));
    assert_eq!(line(&app, "/startz").await, (200, "started\n".into()));
    app.readiness.drain();
    assert_eq!(line(&app, "/readyz").await, (503, "shutting down\n".into()));
    assert_eq!(line(&app, "/healthz").await, (200, "alive\n".into()));
    assert_eq!(
        line(&app, "/startz").await,
        (200, "started\n".into()),
        "a restart would not help"
    );
    assert_eq!(
        app.stranger().get("/login").await.status,
        StatusCode::OK,
        "what came is served"
    );
}

#[tokio::test]
async fn an_outage_of_the_database_makes_unready_and_nothing_more() {
    let app = TestApp::new().await;
    assert_eq!(line(&app, "/startz").await.0, 200);
    app.lose_database().await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(
        line(&app, "/readyz").await,
        (503, "the database is out of reach\n".into())
    );
    assert_eq!(line(&app, "/healthz").await.0, 200);
    assert_eq!(line(&app, "/startz").await.0, 200);
}

#[tokio::test]
async fn a_process_that_was_never_ready_has_not_started() {
    let app = TestApp::new().await;
    app.lose_database().await;
    assert_eq!(
        line(&app, "/startz").await,
        (503, "the database is out of reach\n".into())
    );
    assert_eq!(line(&app, "/healthz").await.0, 200);
}

#[tokio::test]
async fn an_older_schema_is_not_ready() {
    let app = TestApp::new().await;
    app.db.sql("delete from _sqlx_migrations").await;
    let (status, text) = line(&app, "/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("`ticker migrate`"), "{text}");
}

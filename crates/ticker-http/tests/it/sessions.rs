//! Sessions as browsers hold them: beginning, ending, and everything that must not pass for one.

use http::StatusCode;
use http::header::RETRY_AFTER;
use ticker_auth::Operator;
use ticker_domain::user::Role;
use ticker_testkit::PASSWORD;

use crate::app::{Answer, Browser, TestApp};

async fn sign_in(browser: &Browser<'_>, username: &str) -> Answer {
    let answer = browser
        .post("/login", &[("username", username), ("password", PASSWORD)])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    answer
}

/// The id in a cookie that is set.
fn id_of(cookie: &str) -> &str {
    cookie.split(['=', ';']).nth(1).unwrap()
}

async fn is_signed_in(browser: &Browser<'_>) -> bool {
    let answer = browser.get("/").await;
    match answer.status {
        StatusCode::OK => true,
        StatusCode::SEE_OTHER if answer.location() == "/login?next=/" => false,
        _ => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn the_cookie_is_for_this_host_alone_and_out_of_the_reach_of_script() {
    let app = TestApp::new().await;
    let user = app.db.user(Role::Staff).await;
    let answer = sign_in(&app.stranger(), &user.username).await;
    let cookie = answer.set_cookie().unwrap();
    let id = id_of(cookie);
    assert_eq!(id.len(), 22, "128 bits in base64");
    let expected =
        format!("__Host-ticker={id}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800");
    assert_eq!(cookie, expected);
    let browser = app.browser_with(id);
    assert!(is_signed_in(&browser).await);
    assert!(
        browser.get("/").await.set_cookie().is_none(),
        "once is enough"
    );
}

#[tokio::test]
async fn without_encryption_the_cookie_has_another_name() {
    let app = TestApp::with("http://127.0.0.1:5000", "").await;
    let user = app.db.user(Role::Staff).await;
    let answer = app
        .stranger()
        .ask(http::Method::POST, "/login")
        .without("origin")
        .form(&[("username", user.username.as_str()), ("password", PASSWORD)])
        .header("origin", "http://127.0.0.1:5000")
        .send()
        .await;
    let cookie = answer.set_cookie().unwrap();
    let id = id_of(cookie);
    assert_eq!(
        cookie,
        format!("ticker={id}; HttpOnly; SameSite=Lax; Path=/; Max-Age=604800")
    );
    assert!(is_signed_in(&app.browser_with(id)).await);
}

#[tokio::test]
async fn a_signed_out_cookie_is_worth_nothing() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let other = app.browser(Role::Staff).await;
    assert!(is_signed_in(&browser).await);
    let answer = browser.post("/logout", &[]).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/login")
    );
    let cookie = answer.set_cookie().unwrap();
    assert!(
        cookie.starts_with("__Host-ticker=;") && cookie.contains("Max-Age=0"),
        "{cookie}"
    );
    for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(
            cookie.contains(part),
            "browsers keep it without {part}: {cookie}"
        );
    }
    assert!(!is_signed_in(&browser).await);
    assert!(is_signed_in(&other).await, "of somebody else");
    assert_eq!(
        browser.get("/logout").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn a_planted_cookie_never_becomes_a_session() {
    let app = TestApp::new().await;
    let user = app.db.user(Role::Admin).await;
    let attacker = app.browser(Role::Staff).await;
    let live = attacker.cookie.clone().unwrap();
    let live = live.split_once('=').unwrap().1;
    for planted in [
        "AAAAAAAAAAAAAAAAAAAAAA",
        live,
        "x",
        "",
        "../../etc",
        "AAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let victim = app.browser_with(planted);
        let answer = sign_in(&victim, &user.username).await;
        let id = id_of(answer.set_cookie().unwrap());
        assert_ne!(id, planted, "the session took the id that was planted");
        assert!(is_signed_in(&app.browser_with(id)).await);
        assert!(!is_signed_in(&victim).await, "{planted}");
    }
    assert!(
        !is_signed_in(&attacker).await,
        "signing in anew ends what was there"
    );
}

#[tokio::test]
async fn signing_in_again_begins_another_session() {
    let app = TestApp::new().await;
    let user = app.db.user(Role::Staff).await;
    let browser = app.browser_of(&user).await;
    let answer = sign_in(&browser, &user.username).await;
    let id = id_of(answer.set_cookie().unwrap());
    assert!(!browser.cookie.as_ref().unwrap().contains(id));
    assert!(!is_signed_in(&browser).await);
    assert!(is_signed_in(&app.browser_with(id)).await);
}

#[tokio::test]
async fn whoever_lost_a_right_has_no_session_any_more() {
    let app = TestApp::new().await;
    let _ = app.db.user(Role::Admin).await;
    for change in ["disabled", "demoted", "password"] {
        let user = app.db.user(Role::Manager).await;
        let browser = app.browser_of(&user).await;
        assert!(is_signed_in(&browser).await);
        let (by, name) = (&Operator, user.username.as_str());
        match change {
            "disabled" => app.app.set_disabled(by, name, true).await.unwrap(),
            "demoted" => app.app.set_role(by, name, Role::Staff).await.unwrap(),
            _ => {
                let password = "forty-two quiet otters".into();
                app.app
                    .reset_password(by, name, &password, false)
                    .await
                    .unwrap();
            }
        }
        assert!(!is_signed_in(&browser).await, "{change}");
        let answer = browser.post("/items", &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{change}");
        // The row itself does not bring it back: what counts is the epoch it began under.
        assert!(
            app.db.sign_in(user.id).await.is_some() != (change == "disabled"),
            "{change}"
        );
        assert!(!is_signed_in(&browser).await, "{change}");
    }
}

#[tokio::test]
async fn an_idle_or_old_session_is_over() {
    let app = TestApp::new().await;
    for (column, interval, over) in [
        ("last_seen_at", "11 hours 59 minutes", false),
        ("last_seen_at", "12 hours 1 minute", true),
        ("created_at", "6 days 23 hours", false),
        ("created_at", "7 days 1 minute", true),
    ] {
        let browser = app.browser(Role::Staff).await;
        app.db
            .sql(&format!(
                "update sessions set {column} = now() - interval '{interval}'"
            ))
            .await;
        assert_eq!(
            !is_signed_in(&browser).await,
            over,
            "{column} {interval} ago"
        );
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_not_taken_for_none() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Admin).await;
    let item = app.db.item("AA batteries").await;
    app.lose_database().await;
    for route in ticker_http::routes()
        .iter()
        .filter(|route| route.access.permission().is_some())
    {
        let path = route.path.replace("{id}", &item.id.to_string());
        let answer = browser
            .ask(route.method.clone(), &path)
            .form(&[])
            .send()
            .await;
        assert_eq!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{} {path}",
            route.method
        );
        assert_eq!(answer.header(RETRY_AFTER), "2");
        assert_eq!(answer.location(), "");
        assert!(answer.text().contains("Not just now"), "{}", answer.text());
        assert!(
            answer.set_cookie().is_none(),
            "the cookie is kept for when it is back"
        );
    }
    let stranger = app.stranger();
    assert_eq!(
        stranger.get("/login").await.status,
        StatusCode::OK,
        "needs no database"
    );
    assert_eq!(
        stranger.get("/").await.status,
        StatusCode::SEE_OTHER,
        "needs no database"
    );
    assert_eq!(stranger.get("/nothing").await.status, StatusCode::NOT_FOUND);
    let fields = [("username", "ana"), ("password", PASSWORD)];
    let answer = stranger.post("/login", &fields).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn nobody_gets_a_session_for_looking() {
    let app = TestApp::new().await;
    for path in ["/", "/login", "/nothing", "/items/1"] {
        assert!(
            app.stranger().get(path).await.set_cookie().is_none(),
            "{path}"
        );
    }
    assert_eq!(app.db.texts("select count(*) from sessions").await, ["0"]);
}

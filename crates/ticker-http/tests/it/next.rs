//! Going on after signing in: to paths of this server and nowhere else. Judged by a reader of URLs that
//! is not ours, the one that browsers' standard describes.

use http::StatusCode;
use proptest::prelude::*;
use ticker_domain::user::Role;
use ticker_testkit::PASSWORD;
use url::Url;

use crate::app::{ORIGIN_URL, TestApp};

/// What links in mails have tried, as they stand before they are encoded into the query.
fn hostile() -> Vec<String> {
    let hosts = [
        "evil.example",
        "evil.example/x",
        "stock.example.com@evil.example",
        "[::1]",
    ];
    let starts = [
        "//",
        "///",
        "////",
        "\\\\",
        "/\\",
        "\\/",
        "/\\/",
        "\\",
        "\\/\\/",
        "http://",
        "https://",
        "HTTPS://",
        "https:",
        "https:/",
        "http:\\\\",
        "//\\",
        "/\t/",
        "/\n/",
        "/\r\n/",
        "\t//",
        " //",
        "\n//",
        "\0//",
        "/\0/",
        "\u{b}//",
        "javascript:",
        "javascript://",
        "data:text/html,",
        "ftp://",
        "file:///",
        "vbscript:",
        "blob:https://",
        "//user:pass@",
        "//%0d%0a",
        "./\\",
        "../..//",
        "?//",
        "#//",
        "@",
        ":80//",
        "/\u{2028}/\\",
        "\u{feff}//",
    ];
    let joined = starts
        .iter()
        .flat_map(|start| hosts.map(|host| format!("{start}{host}")));
    let more = [
        "",
        " ",
        "/",
        "//",
        "///",
        "\\",
        "/\\",
        "/%2F/evil.example",
        "/%5Cevil.example",
        "/%09/evil.example",
        "/.//evil.example",
        "/..//evil.example",
        "/./\\evil.example",
        "/;//evil.example",
        "/a\\..\\\\evil.example",
        "/x\r\nLocation: https://evil.example",
        "/x\r\n\r\n<script>",
        "/\u{85}/evil.example",
        "/\u{7f}/evil.example",
        "evil.example",
        "/https://evil.example",
        "/@evil.example",
        "/:@evil.example",
        "/?next=//evil.example",
        "/#//evil.example",
        "/\u{ff0f}evil.example",
        "/\u{2044}/evil.example",
        "/\u{202e}elpmaxe.live//",
        "/login?next=//evil.example",
        "／／evil.example",
    ];
    joined.chain(more.map(str::to_owned)).collect()
}

fn is_ours(location: &str) -> bool {
    let base = Url::parse(ORIGIN_URL).unwrap();
    base.join(location)
        .is_ok_and(|url| url.origin() == base.origin())
        && location.is_ascii()
}

#[tokio::test]
async fn no_link_leads_elsewhere() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let cases = hostile();
    assert!(cases.len() >= 190, "{}", cases.len());
    for next in cases {
        let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let answer = browser.get(&format!("/login?next={query}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{next:?}");
        assert!(
            is_ours(answer.location()),
            "{next:?} led to {:?}",
            answer.location()
        );
    }
}

#[tokio::test]
async fn signing_in_leads_on_to_where_it_was_asked_for() {
    let app = TestApp::new().await;
    let user = app.db.user(Role::Staff).await;
    for (next, location) in [
        ("", "/"),
        ("/items/7?tab=details", "/items/7?tab=details"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
    ] {
        let fields = [
            ("username", user.username.as_str()),
            ("password", PASSWORD),
            ("next", next),
        ];
        let answer = app.stranger().post("/login", &fields).await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, location),
            "{next}"
        );
    }
}

#[test]
fn no_string_leads_elsewhere() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let app = runtime.block_on(TestApp::new());
    let browser = runtime.block_on(app.browser(Role::Staff));
    let nasty = r"[/\\.:@?#%\t\n\r \x00a-c\u{2028}\u{ff0f}é]{0,12}";
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(next in nasty)| {
        let query: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let answer = runtime.block_on(browser.get(&format!("/login?next={query}")));
        prop_assert_eq!(answer.status, StatusCode::SEE_OTHER);
        prop_assert!(is_ours(answer.location()), "{:?} led to {:?}", next, answer.location());
    });
    drop(browser);
    let entered = runtime.enter();
    drop(app);
    drop(entered);
}

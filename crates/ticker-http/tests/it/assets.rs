//! What browsers load beside the pages.

use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, StatusCode};

use crate::app::TestApp;

/// Every address under `/assets/` that a text names.
fn addresses(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .match_indices("/assets/")
        .map(|(at, _)| {
            text[at..]
                .split(['"', '#', '\''])
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

#[tokio::test]
async fn what_a_page_names_is_served_for_ever_and_compressed() {
    let app = TestApp::new().await;
    let nobody = app.stranger();
    let page = nobody.get("/login").await;
    let addresses = addresses(page.text());
    assert!(addresses.len() >= 6, "{addresses:?}");
    for address in addresses {
        let plain = nobody.get(&address).await;
        assert_eq!(plain.status, StatusCode::OK, "{address}");
        assert_eq!(
            plain.header(CACHE_CONTROL),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(plain.header(CONTENT_ENCODING), "");
        assert!(!plain.header(CONTENT_TYPE).is_empty());
        assert!(!plain.bytes.is_empty());
        let packed = nobody
            .ask(Method::GET, &address)
            .header("accept-encoding", "gzip, br");
        let packed = packed.send().await;
        assert_eq!(packed.header(CONTENT_ENCODING), "br", "{address}");
        assert!(packed.bytes.len() < plain.bytes.len(), "{address}");
        assert_eq!(plain.headers["vary"], "accept-encoding");
    }
}

/// A page of the release before, or of the next one, asks for what it names.
#[tokio::test]
async fn a_name_of_another_release_leads_to_this_ones_file_and_is_not_kept() {
    let app = TestApp::new().await;
    let nobody = app.stranger();
    let page = nobody.get("/login").await;
    for address in addresses(page.text()) {
        let own = nobody.get(&address).await;
        let (stem, hashed) = address.rsplit_once('/').unwrap();
        let parts: Vec<&str> = hashed.split('.').collect();
        let (name, rest) = parts.split_at(parts.len() - 2);
        let other = format!("{stem}/{}.00c0ffee.{}", name.join("."), rest[1]);
        let answer = nobody.get(&other).await;
        assert_eq!(answer.status, StatusCode::OK, "{other}");
        assert_eq!(answer.bytes, own.bytes, "{other}");
        assert_eq!(answer.header(CONTENT_TYPE), own.header(CONTENT_TYPE));
        assert_eq!(answer.header(CACHE_CONTROL), "no-store", "{other}");
    }
}

#[tokio::test]
async fn nothing_else_is_served() {
    let app = TestApp::new().await;
    for path in [
        "/assets/",
        "/assets/app.css",
        "/assets/app..css",
        "/assets/app.0000000g.css",
        "/assets/app.000000000.css",
        "/assets/app.00000000.js.css",
        "/assets/nowhere.00000000.js",
        "/assets/..%2Fsrc%2Flib.rs",
        "/assets/%2Fetc%2Fpasswd",
        "/assets/..%5C..%5CCargo.toml",
        "/assets/%00",
        "/assets/%FF",
        "/assets/vendor/README.md",
        "/assets/SHA256SUMS",
    ] {
        let answer = app.stranger().get(path).await;
        let refused = [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST];
        assert!(refused.contains(&answer.status), "{path} {}", answer.status);
    }
}

#[tokio::test]
async fn the_icon_is_there_under_its_old_name() {
    let app = TestApp::new().await;
    let answer = app.stranger().get("/favicon.ico").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(CONTENT_TYPE), "image/svg+xml");
    assert_eq!(answer.header(CACHE_CONTROL), "public, max-age=86400");
}

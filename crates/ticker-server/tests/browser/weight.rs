//! What a page costs over a slow line: how much comes at the first view, and that nothing comes twice or
//! from anywhere else.

use serde_json::Value;
use ticker_domain::user::Role;
use ticker_testkit::PASSWORD;

use crate::harness::{Browser, Script, Stage, story};
use crate::pages::demo_shop;

/// Of everything that a first view loads, compressed, with its headers.
const FIRST_VIEW_BYTES_MAX: u64 = 80 * 1024;

#[tokio::test]
async fn weight() {
    story("weight", Script::On, async |stage| {
        let sights = demo_shop(stage).await;
        stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
        let page = &stage.browser;
        first_view_is_light(stage, "/login").await;
        page.sign_in("ana", PASSWORD).await;
        for path in ["/".to_owned(), format!("/items/{}", sights.item)] {
            let assets = first_view_is_light(stage, &path).await;
            assets_are_kept_for_ever(&assets).await;
            second_view_asks_for_the_page_only(stage, &path).await;
        }
    })
    .await;
}

/// With nothing in the cache; returns the addresses of what came beside the page.
async fn first_view_is_light(stage: &Stage, path: &str) -> Vec<String> {
    let page = &stage.browser;
    page.forget_files().await;
    page.go(path).await;
    // Chromium asks for it last, when the page is complete.
    let has_icon = "return performance.getEntriesByType('resource').some(({ name }) => name.includes('/favicon.'))";
    page.expect_answer(has_icon, true).await;
    let loaded = loaded(page).await;
    let mut bytes: Vec<(String, u64)> = Vec::new();
    for file in &loaded {
        let text = |name: &str| file[name].as_str().unwrap_or_default().to_owned();
        assert!(
            text("name").starts_with(stage.site.origin()),
            "{path} loads {file} from elsewhere"
        );
        bytes.push((
            text("name"),
            file["transferSize"].as_u64().unwrap_or_default(),
        ));
    }
    assert!(
        bytes.iter().all(|(_, bytes)| *bytes > 0),
        "{path} loads everything anew: {bytes:?}"
    );
    let total: u64 = bytes.iter().map(|(_, bytes)| bytes).sum();
    println!(
        "{path}: {total} bytes in {} answers: {bytes:?}",
        bytes.len()
    );
    assert!(
        total <= FIRST_VIEW_BYTES_MAX,
        "{path} takes {total} bytes: {bytes:?}"
    );
    bytes.into_iter().skip(1).map(|(name, _)| name).collect()
}

/// Each file's name says what is in it, so that it need never be asked for again, and it was compressed.
async fn assets_are_kept_for_ever(assets: &[String]) {
    assert!(!assets.is_empty());
    let client = reqwest::Client::new();
    for asset in assets {
        assert!(is_hashed(asset), "{asset} has no hash in its name");
        let answer = client
            .get(asset)
            .header("accept-encoding", "gzip, br")
            .send()
            .await;
        let answer = answer.expect("an asset");
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        assert!(
            header("cache-control").contains("immutable"),
            "{asset}: {:?}",
            answer.headers()
        );
        assert_eq!(header("content-encoding"), "br", "{asset}");
    }
}

/// Like `/assets/app.1f2e3d4c.css`.
fn is_hashed(asset: &str) -> bool {
    let hash = asset.rsplit('.').nth(1).unwrap_or_default();
    asset.contains("/assets/")
        && hash.len() == 8
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

async fn second_view_asks_for_the_page_only(stage: &Stage, path: &str) {
    let seen = stage.site.front.asked().len();
    stage.browser.go(path).await;
    let files = loaded(&stage.browser).await.len();
    assert!(files > 1, "{path} has files beside the page");
    let asked = stage.site.front.asked().split_off(seen);
    let asked: Vec<String> = asked.into_iter().map(|(_, request)| request).collect();
    let wanted = |request: &&String| !request.starts_with("GET /live");
    let asked: Vec<&String> = asked.iter().filter(wanted).collect();
    assert_eq!(asked, [&format!("GET {path}")], "a second view of {path}");
}

/// The page and what it loaded, once everything is there.
async fn loaded(page: &Browser) -> Vec<Value> {
    page.expect_answer("return document.readyState", "complete")
        .await;
    let entries = "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')] \
         .map(({ name, transferSize }) => ({ name, transferSize }))";
    page.run(entries)
        .await
        .as_array()
        .cloned()
        .unwrap_or_default()
}

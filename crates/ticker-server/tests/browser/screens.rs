//! The pictures of docs/screens.md.
//!
//! With `TICKER_SCREENS_DIR=folder` they are drawn there anew, which `cargo xtask screens` does; without, only
//! the page and its pictures are held against each other.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thirtyfour::Key;
use ticker_app::{Clock as _, SystemClock};
use ticker_domain::permission::ItemCreate;
use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, key};

use crate::harness::{Browser, Client, Script, Stage, Theme, story};
use crate::layout::SIZES;

/// Where to draw the pictures, if anywhere.
const FOLDER: &str = "TICKER_SCREENS_DIR";
const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
const SCREENS: [&str; 6] = [
    "inventory",
    "item",
    "adjust",
    "history",
    "locations",
    "scan",
];
/// Of all pictures together: a repository is cloned more often than they are looked at.
const BYTES_MAX: u64 = 3_000_000;

#[tokio::test]
async fn screens() {
    if let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) {
        std::fs::create_dir_all(&folder).expect("a writable folder for pictures");
        story("screens", Script::On, async |stage| {
            draw(stage, &folder).await;
        })
        .await;
    }
    let page = std::fs::read_to_string(format!("{DOCS}/screens.md")).expect("the page of pictures");
    let shown: BTreeSet<String> = page
        .split("(screens/")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(file, _)| file.to_owned())
        .collect();
    let drawn: BTreeSet<String> = every_picture().collect();
    assert_eq!(
        shown, drawn,
        "docs/screens.md shows every picture that is drawn, and no other"
    );
    let bytes = drawn.iter().map(|file| {
        let file = std::fs::metadata(format!("{DOCS}/screens/{file}"));
        file.expect("a picture that is shown").len()
    });
    assert!(bytes.sum::<u64>() < BYTES_MAX);
}

fn every_picture() -> impl Iterator<Item = String> {
    SCREENS.into_iter().flat_map(|screen| {
        SIZES
            .into_iter()
            .flat_map(move |(width, _)| Theme::BOTH.map(|theme| file_name(screen, width, theme)))
    })
}

fn file_name(screen: &str, width: u32, theme: Theme) -> String {
    format!("{screen}-{width}-{}.webp", theme.as_str())
}

/// The demo shop as a manager sees it on a working day.
async fn draw(stage: &Stage, folder: &Path) {
    let page = &stage.browser;
    let item = open_the_shop(stage).await;
    let bo = stage.client().sign_in("bo", PASSWORD).await;
    page.hide_scrollbars().await;
    page.sign_in("mia", PASSWORD).await;
    take_pictures(page, folder, "inventory", async || {
        busy_inventory(page, &bo).await;
    })
    .await;
    take_pictures(page, folder, "item", async || {
        page.go(&item).await;
        page.expect_texts("#live", &["Live"]).await;
    })
    .await;
    take_pictures(page, folder, "adjust", async || {
        page.go(&item).await;
        page.click("#stock .stepper a.quantity").await;
        page.expect_count("dialog[open] #adjust-form", 1).await;
        page.pick("Take away").await;
        page.fill("Quantity", "3").await;
        page.choose("Reason", "Damaged").await;
    })
    .await;
    take_pictures(page, folder, "history", async || {
        page.go(&format!("{item}/history")).await;
    })
    .await;
    take_pictures(page, folder, "locations", async || {
        page.go("/locations").await;
    })
    .await;
    let codes = stage
        .db
        .texts("select barcode from items where barcode is not null order by id limit 4")
        .await;
    page.go("/scan").await;
    page.pick("Take one").await;
    for (before, code) in codes.iter().enumerate() {
        page.fill("Barcode or SKU", code).await;
        page.type_keys(Key::Enter.value().to_string()).await;
        page.expect_count("#scans .scan:not(.is-waiting)", before + 1)
            .await;
    }
    take_pictures(page, folder, "scan", async || ()).await;
}

/// Returns the path of an item that lies at several places and has seen something.
async fn open_the_shop(stage: &Stage) -> String {
    stage.db.clock().set(SystemClock.now());
    let mia = stage.db.user_named("mia", "Mia Maier", Role::Manager).await;
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    stage.db.user_named("bo", "Bo Bell", Role::Staff).await;
    let app = stage.db.app();
    app.load_demo(&mia.grant::<ItemCreate>())
        .await
        .expect("the demo shop");
    let busy = "select item_id from movements group by item_id order by count(distinct location_id) desc, \
         count(*) desc, item_id limit 1";
    format!("/items/{}", stage.db.texts(busy).await.concat())
}

/// Something was pressed here just now, and something elsewhere.
async fn busy_inventory(page: &Browser, bo: &Client) {
    page.go("/").await;
    page.expect_texts("#live", &["Live"]).await;
    page.click("tbody tr:nth-child(2) .stepper button[aria-label^='Add']")
        .await;
    page.expect_count("[data-toast]", 1).await;
    for (row, delta) in [(4, "-2"), (6, "1")] {
        let path = format!("tbody tr:nth-child({row})");
        let item = page.attributes(&path, "data-item").await.concat();
        let key = key().0.to_string();
        let answer = bo
            .post(
                &format!("/items/{item}/adjust"),
                &[("key", &key), ("delta", delta)],
            )
            .await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        page.expect_count(&format!("{path} .by"), 1).await;
    }
}

async fn take_pictures(
    page: &Browser,
    folder: &Path,
    screen: &str,
    mut prepare: impl AsyncFnMut(),
) {
    for (width, height) in SIZES {
        for theme in Theme::BOTH {
            page.prefer(theme).await;
            page.resize(1440, 900).await;
            prepare().await;
            page.resize(width, height).await;
            let moving =
                "return document.getAnimations().filter(a => a.playState === 'running').length";
            page.expect_answer(moving, 0).await;
            let file = folder.join(file_name(screen, width, theme));
            std::fs::write(file, page.small_picture().await)
                .expect("a writable folder for pictures");
        }
    }
}

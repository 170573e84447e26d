//! Scanning: what a person with a scanner in their hand does, which types a code and presses Enter.

use thirtyfour::Key;
use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{LATEST_MOVEMENT, Script, Stage, story};

const BATTERIES: &str = "4006381333931";
const FUSE: &str = "FUSE-10A";

/// Everything that was posted by ana, in the order posted.
const POSTED: &str = "select delta from movements join postings on postings.id = posting_id \
     join users on users.id = actor_id where username = 'ana' order by movements.id";

#[tokio::test]
async fn scanning_with_script() {
    story("scanning-with-script", Script::On, async |stage| {
        let items = begin(stage).await;
        counts_and_lists(stage).await;
        fast_scans_are_all_counted(stage, &items).await;
        the_field_keeps_what_is_typed(stage).await;
        an_outage_loses_nothing(stage).await;
        leaving_loses_nothing(stage).await;
        takes_back(stage).await;
        finds(stage, &items).await;
    })
    .await;
}

#[tokio::test]
async fn scanning_without_script() {
    story("scanning-without-script", Script::Off, async |stage| {
        let items = begin(stage).await;
        counts_and_lists(stage).await;
        reload_and_back_repeat_nothing(stage).await;
        two_codes_from_one_page(stage).await;
        takes_back(stage).await;
        finds(stage, &items).await;
    })
    .await;
}

async fn begin(stage: &Stage) -> [TestItem; 2] {
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    let batteries = stage.db.item("AA batteries").barcode(BATTERIES);
    let batteries = batteries.stock(40).await;
    let fuse = stage.db.item("Fuse").sku(FUSE).stock(1).await;
    stage.browser.sign_in("ana", PASSWORD).await;
    stage.browser.press("Scan").await;
    stage.browser.expect_path("/scan").await;
    [batteries, fuse]
}

/// As a scanner does it, wherever the focus is.
async fn scan(stage: &Stage, code: &str) {
    let enter = Key::Enter.value();
    stage.browser.type_keys(format!("{code}{enter}")).await;
}

async fn newest_says(stage: &Stage, what: &str, result: &str) {
    let page = &stage.browser;
    page.expect_texts(".scan:first-child .what", &[what]).await;
    page.expect_texts(".scan:first-child .result", &[result])
        .await;
    page.expect_focus("code").await;
    assert_eq!(page.value("Barcode or SKU").await, "");
}

/// The mode stays, the newest is on top, and what did not count is loud and stays in the list.
async fn counts_and_lists(stage: &Stage) {
    let page = &stage.browser;
    page.expect_focus("code").await;
    page.pick("Add one").await;
    page.click("#code").await;
    scan(stage, BATTERIES).await;
    newest_says(stage, "+1 AA batteries", "41 at Shop floor").await;
    scan(stage, &FUSE.to_lowercase()).await;
    newest_says(stage, "+1 Fuse", "2 at Shop floor").await;
    scan(stage, "0815").await;
    newest_says(stage, "Nothing carries 0815", "Not counted.").await;
    page.pick("Take one").await;
    page.click("#code").await;
    for left in ["1", "0"] {
        scan(stage, FUSE).await;
        newest_says(stage, "−1 Fuse", &format!("{left} at Shop floor")).await;
    }
    scan(stage, FUSE).await;
    newest_says(stage, "Fuse", "None left at Shop floor. Nothing was taken.").await;
    let listed = [
        "Fuse",
        "−1 Fuse",
        "−1 Fuse",
        "Nothing carries 0815",
        "+1 Fuse",
        "+1 AA batteries",
    ];
    page.expect_texts(".scan .what", &listed).await;
    page.reload().await;
    page.expect_count(".scan .what", 6).await;
    assert_eq!(stage.db.texts(POSTED).await, ["1", "1", "-1", "-1"]);
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana -1 1 0 adjusted page -"]
    );
}

/// Forty scans of two codes as fast as keys can be sent: none is lost, whatever is gathered.
async fn fast_scans_are_all_counted(stage: &Stage, [batteries, fuse]: &[TestItem; 2]) {
    let page = &stage.browser;
    page.go("/scan?mode=add").await;
    page.expect_focus("code").await;
    let enter = Key::Enter.value();
    for _ in 0..10 {
        let codes = format!("{BATTERIES}{enter}{BATTERIES}{enter}{FUSE}{enter}{BATTERIES}{enter}");
        page.type_keys(codes).await;
    }
    page.expect_count(".scan.is-waiting", 0).await;
    let total = |item: &TestItem| format!("select total from items where id = {}", item.id);
    assert_eq!(stage.db.texts(&total(batteries)).await, ["71"]);
    assert_eq!(stage.db.texts(&total(fuse)).await, ["10"]);
    page.expect_focus("code").await;
}

/// A choice made by a mouse gives the focus back, and a scanner does not care where it is.
async fn the_field_keeps_what_is_typed(stage: &Stage) {
    let page = &stage.browser;
    page.pick("Take one").await;
    page.expect_focus("code").await;
    page.run("document.activeElement.blur()").await;
    scan(stage, BATTERIES).await;
    newest_says(stage, "−1 AA batteries", "70 at Shop floor").await;
    page.run("document.querySelector('.scan a').focus()").await;
    scan(stage, BATTERIES).await;
    newest_says(stage, "−1 AA batteries", "69 at Shop floor").await;
}

async fn an_outage_loses_nothing(stage: &Stage) {
    let page = &stage.browser;
    let before = stage.db.texts(POSTED).await.len();
    page.set_offline(true).await;
    for _ in 0..3 {
        scan(stage, BATTERIES).await;
    }
    page.expect("Not saved yet: no connection. It is tried again.")
        .await;
    page.expect_count(".scan.is-waiting", 2).await;
    assert_eq!(stage.db.texts(POSTED).await.len(), before);
    page.set_offline(false).await;
    page.expect_count(".scan.is-waiting", 0).await;
    newest_says(stage, "−2 AA batteries", "66 at Shop floor").await;
    assert_eq!(stage.db.texts(POSTED).await[before..], ["-1", "-2"]);
}

/// What was not answered when the page was left is counted, once, and listed when one comes back.
async fn leaving_loses_nothing(stage: &Stage) {
    let page = &stage.browser;
    page.run(
        "const form = document.getElementById('scan'); \
         for (const code of ['4006381333931', 'FUSE-10A', '4006381333931']) { \
             form.elements.code.value = code; form.requestSubmit(); } \
         location.assign('/shortcuts')",
    )
    .await;
    page.expect_path("/shortcuts").await;
    page.go_back().await;
    page.expect_count(".scan.is-waiting", 0).await;
    let latest = [
        "−1 AA batteries",
        "−1 Fuse",
        "−1 AA batteries",
        "−2 AA batteries",
    ];
    page.expect_texts(".scan:nth-child(-n + 4) .what", &latest)
        .await;
    let posted = stage.db.texts(POSTED).await;
    assert_eq!(posted[posted.len() - 3..], ["-1", "-1", "-1"]);
    page.reload().await;
    page.expect_texts(".scan:nth-child(-n + 4) .what", &latest)
        .await;
    assert_eq!(stage.db.texts(POSTED).await, posted);
}

async fn takes_back(stage: &Stage) {
    let page = &stage.browser;
    page.go("/scan?mode=add").await;
    page.expect_focus("code").await;
    scan(stage, BATTERIES).await;
    page.expect_texts(".scan .what", &["+1 AA batteries"]).await;
    let posted = stage.db.texts(POSTED).await.len();
    page.click(".scan [data-undo] button").await;
    page.expect_texts(".scan .result", &["Undone"]).await;
    page.expect("Undone: −1 AA batteries").await;
    page.expect_count(".scan [data-undo]", 0).await;
    page.expect_focus("code").await;
    assert_eq!(stage.db.texts(POSTED).await[posted..], ["-1"]);
    page.click("#toasts [data-undo] button").await;
    for _ in 0..2 {
        page.expect_texts(".scan .result", &["Undone, and done again"])
            .await;
        page.reload().await;
    }
    assert_eq!(stage.db.texts(POSTED).await[posted..], ["-1", "1"]);
}

async fn finds(stage: &Stage, [batteries, fuse]: &[TestItem; 2]) {
    let page = &stage.browser;
    page.go("/scan").await;
    page.expect_focus("code").await;
    scan(stage, BATTERIES).await;
    page.expect_path(&format!("/items/{}", batteries.id)).await;
    page.go("/scan").await;
    page.expect_focus("code").await;
    scan(stage, "0815").await;
    page.expect("Nothing carries 0815").await;
    scan(stage, FUSE).await;
    page.expect_path(&format!("/items/{}", fuse.id)).await;
}

async fn reload_and_back_repeat_nothing(stage: &Stage) {
    let page = &stage.browser;
    page.go("/scan?mode=add").await;
    page.expect_focus("code").await;
    scan(stage, BATTERIES).await;
    newest_says(stage, "+1 AA batteries", "42 at Shop floor").await;
    let posted = stage.db.texts(POSTED).await;
    page.reload().await;
    newest_says(stage, "+1 AA batteries", "42 at Shop floor").await;
    page.go_back().await;
    page.expect_count(".scan", 0).await;
    assert_eq!(stage.db.texts(POSTED).await, posted);
    // The page is as it was left: sending it once more is the same scan.
    page.fill("Barcode or SKU", BATTERIES).await;
    scan(stage, "").await;
    newest_says(stage, "+1 AA batteries", "42 at Shop floor").await;
    assert_eq!(stage.db.texts(POSTED).await, posted);
}

/// The second Enter comes while the first page is on its way: what counted and what did not is told.
async fn two_codes_from_one_page(stage: &Stage) {
    let page = &stage.browser;
    page.go("/scan?mode=add").await;
    page.expect_focus("code").await;
    let ana = stage.client_as_browser().await;
    let key = page.attributes("#scan [name='key']", "value").await;
    let fields = [("key", key[0].as_str()), ("mode", "add"), ("code", FUSE)];
    assert_eq!(ana.post("/scan", &fields).await.status, 303);
    scan(stage, BATTERIES).await;
    page.expect("Another scan was sent from the same page before.")
        .await;
    page.expect_texts(".scan .what", &["AA batteries", "+1 Fuse"])
        .await;
}

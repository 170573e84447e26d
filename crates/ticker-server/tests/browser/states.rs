//! Empty, nothing matches, failed: three states of the list that never look alike.

use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{Browser, Script, Stage, eventually, list, story};

#[tokio::test]
async fn states_with_script() {
    story("states-with-script", Script::On, async |stage| {
        empty(stage).await;
        nothing_matches(stage).await;
        failed(stage).await;
        failed_under_the_page(stage).await;
        not_saved(stage).await;
        left_in_the_middle(stage).await;
    })
    .await;
}

#[tokio::test]
async fn states_without_script() {
    story("states-without-script", Script::Off, async |stage| {
        empty(stage).await;
        nothing_matches(stage).await;
        failed(stage).await;
    })
    .await;
}

/// Staff are told whom to ask; a manager fills it with the demo shop.
async fn empty(stage: &Stage) {
    let page = &stage.browser;
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    stage.db.user_named("mia", "Mia Maier", Role::Manager).await;
    page.sign_in("ana", PASSWORD).await;
    page.expect("No items yet").await;
    page.expect("Ask a manager to add items.").await;
    page.expect_count("main a, main button, main form", 0).await;
    page.click("header summary").await;
    page.press("Log out").await;
    page.expect_path("/login").await;
    page.sign_in("mia", PASSWORD).await;
    page.expect("No items yet").await;
    page.expect_count("main a[href='/items/new']", 2).await;
    page.press("Load demo data").await;
    demo_shop_arrives(page).await;
    let shop = "select concat_ws(' ', (select count(*) from items), (select count(*) from categories), \
                (select count(*) from locations))";
    assert_eq!(stage.db.texts(shop).await, ["240 12 3"]);
    let mia = stage.client_as_browser().await;
    assert_eq!(
        mia.post("/demo", &[]).await.status,
        409,
        "not into a shop that has items"
    );
}

/// On a machine with too much to do the answer gives up waiting, says so, and the shop comes all the same.
async fn demo_shop_arrives(page: &Browser) {
    let mut has_given_up = false;
    eventually("the demo shop", async || {
        let seen = page.texts("main").await.concat();
        has_given_up |= seen.contains("That took too long");
        if has_given_up {
            page.go("/").await;
        }
        if seen.contains("50 of 240 items") {
            Ok(())
        } else {
            Err(seen)
        }
    })
    .await;
}

/// What was looked for is named, and one press clears it.
async fn nothing_matches(stage: &Stage) {
    let page = &stage.browser;
    page.go("/?q=zzyzx&status=low&sort=sku").await;
    page.expect("Nothing matches").await;
    page.expect("“zzyzx”").await;
    page.expect("status Low").await;
    page.press("Clear").await;
    page.expect("50 of 240 items").await;
    page.expect_path("/?sort=sku").await;
}

/// The database is gone: the page says that it failed, under which request id, and Retry works later.
async fn failed(stage: &Stage) {
    let page = &stage.browser;
    stage.gate.shut();
    page.go("/?status=low").await;
    page.expect("Status 503").await;
    page.expect_gone("Nothing matches").await;
    page.expect_gone("No items yet").await;
    let id = page.texts(".fine .code").await.pop().unwrap_or_default();
    assert!(id.len() >= 32, "a request id: {id:?}");
    assert!(stage.site.log().contains(&id), "{id} is in the log");
    page.press("Retry").await;
    page.expect("Status 503").await;
    stage.gate.open();
    eventually("Retry to work again", async || {
        page.press("Retry").await;
        let heading = page.texts("h1").await;
        if heading == ["Inventory"] {
            Ok(())
        } else {
            Err(heading)
        }
    })
    .await;
    page.expect_path("/?status=low").await;
    page.expect_count("tbody tr.is-low", page.texts("tbody tr").await.len())
        .await;
}

/// The database goes while the list is shown: the results say so, and Retry leads on.
async fn failed_under_the_page(stage: &Stage) {
    let page = &stage.browser;
    page.go("/?status=ok&size=100").await;
    page.expect_count("tbody tr.is-ok", 100).await;
    stage.gate.shut();
    list::search(page, "tape").await;
    page.expect("The list could not be loaded").await;
    page.expect_gone("Nothing matches").await;
    stage.gate.open();
    stage.site.wait_until_ready().await;
    page.press("Retry").await;
    page.expect_path("/?q=tape&status=ok&size=100").await;
    page.expect_gone("The list could not be loaded").await;
    what_was_chosen_outlives_it(stage).await;
}

/// Whoever types on instead of pressing Retry, or finds nothing, has the same filters as before.
async fn what_was_chosen_outlives_it(stage: &Stage) {
    let page = &stage.browser;
    stage.gate.shut();
    list::search(page, "bolt").await;
    page.expect("The list could not be loaded").await;
    stage.gate.open();
    stage.site.wait_until_ready().await;
    for words in ["bolts", "zzyzx", "tape"] {
        list::search(page, words).await;
        page.expect_path(&format!("/?q={words}&status=ok&size=100"))
            .await;
    }
    page.expect_count("tbody tr.is-ok", page.texts("tbody tr").await.len())
        .await;
}

/// A press that does not arrive, for the database's sake or the network's: said, and kept for Retry under
/// the same key.
async fn not_saved(stage: &Stage) {
    let page = &stage.browser;
    let item = stage.db.item("AA batteries").stock(40).await;
    page.go("/?q=aa+batteries").await;
    stage.gate.shut();
    page.click(&format!("#add-{}", item.id)).await;
    page.expect("Not saved: AA batteries").await;
    page.expect_count(&format!("#item-{}.is-unsaved", item.id), 1)
        .await;
    stage.gate.open();
    stage.site.wait_until_ready().await;
    list::retry(page, item.id).await;
    saved(stage, item, "41").await;
    page.set_offline(true).await;
    page.click(&format!("#add-{}", item.id)).await;
    page.expect("Not saved: AA batteries").await;
    // It goes out by itself as soon as there is a network again.
    page.set_offline(false).await;
    saved(stage, item, "42").await;
    let moved = format!("select count(*) from movements where item_id = {}", item.id);
    assert_eq!(
        stage.db.texts(&moved).await,
        ["3"],
        "the opening and each press once"
    );
}

/// A press that waits behind one still under way goes out before the page does.
async fn left_in_the_middle(stage: &Stage) {
    let page = &stage.browser;
    let item = stage.db.item("C batteries").stock(40).await;
    let add = format!("#add-{}", item.id);
    page.go("/?q=c+batteries").await;
    let mut writes_wait = stage.db.database().begin().await.unwrap();
    writes_wait.items().hold_off_writes().await.unwrap();
    page.click(&add).await;
    stage.db.until_blocked(1).await;
    page.click(&add).await;
    page.go("/account/password").await;
    writes_wait.commit().await.unwrap();
    let total = format!("select total from items where id = {}", item.id);
    eventually("both presses to be in the ledger", async || {
        let found = stage.db.texts(&total).await;
        if found == ["42"] { Ok(()) } else { Err(found) }
    })
    .await;
}

async fn saved(stage: &Stage, item: TestItem, number: &str) {
    list::expect_number(&stage.browser, item.id, number).await;
    stage.browser.expect_gone("Not saved").await;
}

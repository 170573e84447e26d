//! A tour of every page in every state that it can be brought to.

use serde_json::json;
use thirtyfour::Key;
use ticker_app::{Clock as _, SystemClock};
use ticker_domain::id::ItemId;
use ticker_domain::permission::{ItemArchive, ItemCreate};
use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, key};

use crate::harness::{Browser, Stage, eventually, hidden_field};

/// What the tour shows: an item that is in stock, one that is archived, and the names of people.
pub(crate) struct Sights {
    pub(crate) item: ItemId,
    /// Its name, SKU, category, location and unit.
    pub(crate) named: [String; 5],
    pub(crate) archived: ItemId,
    /// An admin who signs in as `ada`.
    pub(crate) admin_name: String,
}

/// The demo shop, with its longest name on show and one item archived.
pub(crate) async fn demo_shop(stage: &Stage) -> Sights {
    stage.db.clock().set(SystemClock.now());
    let mia = stage.db.user_named("mia", "Mia Maier", Role::Manager).await;
    let app = stage.db.app();
    app.load_demo(&mia.grant::<ItemCreate>())
        .await
        .expect("the demo shop");
    let ids = stage
        .db
        .texts("select id from items order by length(name) desc, id limit 2")
        .await;
    let ids: Vec<i64> = ids.iter().map(|id| id.parse().expect("a number")).collect();
    let archived = ItemId(ids[1]);
    app.archive_item(&mia.grant::<ItemArchive>(), archived)
        .await
        .expect("an archived item");
    let named = format!(
        "select unnest(array[items.name, sku, categories.name, locations.name, unit]) from items \
         join categories on categories.id = category_id join locations on locations.id = home_location_id \
         where items.id = {}",
        ids[0]
    );
    let named = stage.db.texts(&named).await.try_into().expect("five texts");
    Sights {
        item: ItemId(ids[0]),
        named,
        archived,
        admin_name: "Ada Admin".to_owned(),
    }
}

/// The pages of a shop that has nothing yet, for those who may fill it and those who may not.
pub(crate) async fn tour_empty(stage: &Stage, visit: &mut impl AsyncFnMut(&str)) {
    let page = &stage.browser;
    for (username, role) in [("elsa", Role::Staff), ("emil", Role::Manager)] {
        stage.db.user_named(username, username, role).await;
        page.sign_in(username, PASSWORD).await;
        page.expect("No items yet").await;
        visit(&format!("inventory-empty-{}", role.as_str())).await;
        page.forget_cookies().await;
    }
}

/// Goes from page to page; `visit` is called on each, with a name for it.
pub(crate) async fn tour(stage: &Stage, sights: &Sights, mut visit: impl AsyncFnMut(&str)) {
    let page = &stage.browser;
    stage
        .db
        .user_named("ada", &sights.admin_name, Role::Admin)
        .await;
    page.go("/login?next=%2F").await;
    visit("login").await;
    send(
        page,
        "form[action='/login']",
        &[("username", &sights.named[0]), ("password", "wrong")],
    )
    .await;
    page.expect("Username or password is wrong.").await;
    visit("login-wrong").await;
    page.sign_in("ada", PASSWORD).await;
    tour_lists(page, sights, &mut visit).await;
    tour_item(page, sights, &mut visit).await;
    tour_adding(page, sights, &mut visit).await;
    tour_scanning(page, sights, &mut visit).await;
    tour_conflict(stage, sights, &mut visit).await;
    tour_groups(stage, sights, &mut visit).await;
    tour_bulk(page, sights, &mut visit).await;
    tour_people(page, sights, &mut visit).await;
    tour_errors(stage, sights, &mut visit).await;
}

async fn tour_lists(page: &Browser, sights: &Sights, visit: &mut impl AsyncFnMut(&str)) {
    page.go("/").await;
    visit("inventory").await;
    page.go("/?size=25&sort=quantity&dir=desc&status=ok").await;
    visit("inventory-filtered").await;
    page.go("/?archived=1").await;
    visit("inventory-archived").await;
    page.go("/").await;
    let fields = [("q", format!("zz {}", sights.named[0]))];
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    send(page, "#filters", &fields).await;
    page.expect("Nothing matches").await;
    visit("inventory-nothing").await;
    page.go("/").await;
    page.click("header summary").await;
    visit("inventory-menu").await;
}

async fn tour_item(page: &Browser, sights: &Sights, visit: &mut impl AsyncFnMut(&str)) {
    let item = format!("/items/{}", sights.item);
    for (name, path) in [
        ("item", item.clone()),
        ("item-history", format!("{item}/history")),
        ("item-details", format!("{item}?tab=details")),
        ("item-archive", format!("{item}/archive")),
        ("item-archived", format!("/items/{}", sights.archived)),
        ("item-labels", format!("{item}/labels?copies=3")),
        ("item-transfer", format!("{item}/transfer")),
        ("item-adjust", format!("{item}/adjust")),
    ] {
        page.go(&path).await;
        page.expect_count("h1", 1).await;
        if name != "item-archived" {
            page.expect(&sights.named[0]).await;
        }
        visit(name).await;
    }
    send(
        page,
        "#adjust-form",
        &[("quantity", &sights.named[0]), ("note", &sights.named[1])],
    )
    .await;
    page.expect("Quantity must be a whole number").await;
    visit("item-adjust-wrong").await;
    if page.script.is_on() {
        page.go(&item).await;
        page.click("#stock .stepper a.quantity").await;
        page.expect_count("dialog[open] #adjust-form", 1).await;
        visit("item-adjust-dialog").await;
    }
    page.go(&item).await;
    page.click("#stock .stepper button[aria-label^='Add']")
        .await;
    page.expect_count("[data-toast]", 1).await;
    visit("item-toast").await;
}

async fn tour_adding(page: &Browser, sights: &Sights, visit: &mut impl AsyncFnMut(&str)) {
    let [name, sku, category, location, unit] = &sights.named;
    page.go("/items/new").await;
    visit("item-new").await;
    let mut fields = [
        ("name", name.as_str()),
        ("sku", sku),
        ("category", category),
        ("home_location", location),
        ("unit", unit),
        ("quantity", "3"),
        ("minimum", "<b>few</b>"),
        ("target", "many"),
    ];
    send(page, "form[action='/items']", &fields).await;
    page.expect("2 things need your attention").await;
    visit("item-new-wrong").await;
    fields[6..].copy_from_slice(&[("minimum", "1"), ("target", "5")]);
    send(page, "form[action='/items']", &fields).await;
    page.expect("exists:").await;
    page.expect(&format!("Add 3 to {name}")).await;
    visit("item-new-twin").await;
}

/// Without script each scan is a page, with script a line of the list.
async fn tour_scanning(page: &Browser, sights: &Sights, visit: &mut impl AsyncFnMut(&str)) {
    page.go("/scan").await;
    visit("scan").await;
    page.go("/scan?mode=add&location=").await;
    for (code, words) in [
        (sights.named[1].as_str(), "at "),
        ("<i>no'such&code", "Nothing carries <i>no'such&code"),
    ] {
        page.fill("Barcode or SKU", code).await;
        page.type_keys(Key::Enter.value().to_string()).await;
        page.expect(words).await;
    }
    page.expect(&sights.named[0]).await;
    visit("scan-list").await;
    page.go("/shortcuts").await;
    visit("shortcuts").await;
}

/// Somebody else saves while the details are open.
async fn tour_conflict(stage: &Stage, sights: &Sights, visit: &mut impl AsyncFnMut(&str)) {
    let page = &stage.browser;
    let [name, sku, category, location, unit] = &sights.named;
    let item = format!("/items/{}", sights.item);
    let details = format!("{item}?tab=details");
    page.go(&details).await;
    let somebody = stage.client().sign_in("ada", PASSWORD).await;
    let version = hidden_field(&somebody.get(&details).await.body, "version");
    let saved = [
        ("version", version.as_str()),
        ("name", name),
        ("sku", sku),
        ("category", category),
        ("home_location", location),
        ("unit", unit),
        ("minimum", "2"),
        ("target", "4000"),
    ];
    let answer = somebody.post(&item, &saved).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let mine = format!("{name} (new)");
    send(
        page,
        &format!("form[action='{item}']"),
        &[("name", &mine), ("minimum", "3")],
    )
    .await;
    page.expect("Somebody saved this item while you were editing.")
        .await;
    visit("item-conflict").await;
}

/// Locations and categories, and what is asked before one is merged into another.
async fn tour_groups(stage: &Stage, sights: &Sights, visit: &mut impl AsyncFnMut(&str)) {
    let page = &stage.browser;
    let [_, _, category, location, _] = &sights.named;
    for (list, taken) in [("categories", category), ("locations", location)] {
        page.go(&format!("/{list}")).await;
        page.expect_count("h1", 1).await;
        visit(list).await;
        send(page, &format!("form[action='/{list}']"), &[("name", taken)]).await;
        page.expect("of this name").await;
        visit(&format!("{list}-taken")).await;
    }
    page.go("/locations?archived=1").await;
    visit("locations-archived").await;
    let spare = stage.db.location("A spare shelf").await;
    let home = "select home_location_id from items order by id limit 1";
    let home = stage.db.texts(home).await.concat();
    page.go(&format!("/locations/{home}")).await;
    visit("location").await;
    page.go(&format!("/locations/{home}/merge?into={spare}"))
        .await;
    page.expect("Keep both").await;
    visit("location-merge").await;
    page.go(&format!("/locations/{spare}")).await;
    page.click(&format!("form[action='/locations/{spare}/archive'] button"))
        .await;
    page.expect("until it is restored").await;
    visit("location-archived").await;
}

/// One change for many items: asked for, seen and told.
async fn tour_bulk(page: &Browser, sights: &Sights, visit: &mut impl AsyncFnMut(&str)) {
    let items = format!("item={}&item={}", sights.item, sights.archived);
    for action in ["adjust", "move", "thresholds", "category", "archive"] {
        page.go(&format!("/bulk?action={action}&{items}")).await;
        page.expect_count("h1", 1).await;
        visit(&format!("bulk-{action}")).await;
    }
    page.go(&format!(
        "/bulk?action=adjust&{items}&ready=1&by=few&reason=used"
    ))
    .await;
    page.expect("Change must be a whole number").await;
    visit("bulk-wrong").await;
    page.go(&format!(
        "/bulk?action=adjust&{items}&ready=1&by=1&reason=used"
    ))
    .await;
    page.expect("What will happen").await;
    visit("bulk-preview").await;
    page.click("form[action='/bulk'][method='post'] button")
        .await;
    page.expect("Back to the list").await;
    visit("bulk-done").await;
    page.press("Take back…").await;
    page.expect("What will happen").await;
    visit("bulk-undo").await;
    page.click("form[action$='/undo'][method='post'] button")
        .await;
    page.expect("This takes back").await;
    visit("bulk-undone").await;
    page.press("an earlier bulk change").await;
    page.expect("1 item taken back").await;
    visit("bulk-taken-back").await;
    page.go(&format!("/items/{}/history", sights.item)).await;
    page.expect_count(".of-bulk", 2).await;
    visit("item-history-bulk").await;
    if page.script.is_on() {
        page.go("/").await;
        page.click("input[data-select-all]").await;
        page.expect("selected").await;
        visit("inventory-selected").await;
    }
}

async fn tour_people(page: &Browser, sights: &Sights, visit: &mut impl AsyncFnMut(&str)) {
    page.go("/enroll").await;
    visit("enroll").await;
    let form = "form[action='/enroll']";
    send(
        page,
        form,
        &[("username", "ADA"), ("display_name", &sights.admin_name)],
    )
    .await;
    page.expect("Username is taken").await;
    visit("enroll-wrong").await;
    send(
        page,
        form,
        &[
            ("username", "newcomer"),
            ("display_name", &sights.admin_name),
        ],
    )
    .await;
    page.expect("is enrolled").await;
    visit("enrolled").await;
    page.go("/account/password").await;
    visit("password").await;
    let fields = [("current", "wrong"), ("new", "short"), ("repeat", "other")];
    send(page, "form[action='/account/password']", &fields).await;
    page.expect("must be the same").await;
    visit("password-wrong").await;
}

async fn tour_errors(stage: &Stage, sights: &Sights, visit: &mut impl AsyncFnMut(&str)) {
    let page = &stage.browser;
    for (name, path, status) in [
        ("error-not-found", "/nowhere", "404"),
        ("error-bad-request", "/?sort=%3Cscript%3E", "400"),
        (
            "error-bad-request-long",
            "/?category=%22%20onmouseover%3D%22alert(1)",
            "400",
        ),
    ] {
        page.go(path).await;
        page.expect(&format!("Status {status}")).await;
        visit(name).await;
    }
    // As one who has to choose a password, and one who may do little.
    let staff = format!("role staff of {}", key().0);
    stage.db.user_named("sam", &staff[..40], Role::Staff).await;
    stage
        .db
        .sql("update users set must_change_password = true where username = 'sam'")
        .await;
    page.click("header summary").await;
    page.press("Log out").await;
    page.expect_path("/login").await;
    page.sign_in("sam", PASSWORD).await;
    visit("password-first").await;
    stage
        .db
        .sql(
            "update users set must_change_password = false where username = 'sam'; notify ticker_sessions",
        )
        .await;
    eventually("every replica to have heard of it", async || {
        page.go("/enroll").await;
        let seen = page.texts("main").await.concat();
        if seen.contains("Status 403") {
            Ok(())
        } else {
            Err(seen)
        }
    })
    .await;
    visit("error-forbidden").await;
    page.go(&format!("/items/{}", sights.item)).await;
    visit("item-as-staff").await;
}

/// Fills a form by the names of its fields and sends it as it is, past what the browser would refuse.
async fn send(page: &Browser, form: &str, fields: &[(&str, &str)]) {
    let script = format!(
        "const form = document.querySelector({}); \
         for (const [name, value] of {}) form.elements[name].value = value; \
         HTMLFormElement.prototype.submit.call(form)",
        json!(form),
        json!(fields),
    );
    page.expect_count(form, 1).await;
    page.run(&script).await;
}

//! Scanning, with and without script.

use http::{Method, StatusCode};
use ticker_domain::user::Role;
use ticker_testkit::key;

use crate::app::{Answer, Browser, TestApp};
use crate::log::Done;

const KEY: &str = "018f4e9c-7f1a-7c3d-9b1e-2f6f0c9d5a11";

async fn scan(browser: &Browser<'_>, mode: &str, code: &str) -> Answer {
    let key = key().to_string();
    let fields = [("key", key.as_str()), ("mode", mode), ("code", code)];
    browser.post("/scan", &fields).await
}

/// As script sends it.
async fn scan_by_script(browser: &Browser<'_>, fields: &[(&str, &str)]) -> Answer {
    let ask = browser.ask(Method::POST, "/scan");
    let ask = ask
        .header("hx-request", "true")
        .header("accept", "text/html");
    ask.form(fields).send().await
}

fn shows(answer: &Answer, text: &str) {
    assert!(answer.text().contains(text), "{text}: {}", answer.text());
}

#[tokio::test]
async fn finding_leads_to_the_item() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    let item = app
        .db
        .item("AA batteries")
        .sku("BAT-AA")
        .barcode("4006381333931")
        .await;
    let other = app.db.item("Fuse").barcode("bat-aa").await;
    let page = format!("/items/{}", item.id);

    let found = scan(&staff, "find", "4006381333931").await;
    assert_eq!(
        (found.status, found.location()),
        (StatusCode::SEE_OTHER, page.as_str())
    );
    let linked = staff.get("/scan?find=4006381333931").await;
    assert_eq!(
        (linked.status, linked.location()),
        (StatusCode::SEE_OTHER, page.as_str())
    );

    let ambiguous = scan(&staff, "find", "BAT-AA").await;
    assert_eq!(ambiguous.status, StatusCode::CONFLICT);
    for id in [item.id, other.id] {
        shows(&ambiguous, &format!("href=\"/items/{id}\">"));
    }
    for (code, location) in [
        ("BAT-AA", "/?q=BAT-AA"),
        ("4711", "/?q=4711"),
        ("aa%20b", "/?q=aa%20b"),
    ] {
        let search = staff.get(&format!("/scan?find={code}")).await;
        assert_eq!(search.location(), location);
    }
    let unknown = scan(&staff, "find", "4711").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    shows(&unknown, "Nothing carries 4711");
}

#[tokio::test]
async fn each_scan_counts_once_and_the_sitting_goes_on() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    app.db.item("AA batteries").barcode("4711").stock(40).await;
    let fields = [("key", KEY), ("mode", "take"), ("code", "4711")];

    let first = staff.post("/scan", &fields).await;
    assert_eq!(first.status, StatusCode::SEE_OTHER);
    assert!(first.location().starts_with("/scan?mode=take&scans=p"));
    let again = staff.post("/scan", &fields).await;
    assert_eq!(again.location(), first.location());
    assert_eq!(app.db.texts("select total from items").await, ["39"]);

    let page = staff.get(first.location()).await;
    shows(&page, "value=\"take\" checked");
    shows(&page, "−1</b>");
    shows(&page, "39 at Shop floor");

    let scans = first.location().split("scans=").nth(1).unwrap();
    let second = key().to_string();
    let fields = [
        ("key", second.as_str()),
        ("mode", "add"),
        ("code", "4711"),
        ("scans", scans),
    ];
    let second = staff.post("/scan", &fields).await;
    let page = staff.get(second.location()).await;
    let (newer, older) = (page.text().find("+1</b>"), page.text().find("−1</b>"));
    assert!(newer.is_some() && newer < older, "{}", page.text());

    // Nobody else's sitting shows them.
    let other = app.browser(Role::Staff).await;
    let page = other.get(second.location()).await;
    assert!(!page.text().contains("AA batteries"), "{}", page.text());
}

#[tokio::test]
async fn a_scan_is_taken_back_from_the_list() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    app.db.item("AA batteries").barcode("4711").stock(40).await;
    let counted = scan(&staff, "add", "4711").await;
    let list = staff.get(counted.location()).await;
    let action = list.text().split("action=\"/postings/").nth(1).unwrap();
    let posting = action.split('/').next().unwrap();
    let key = key().to_string();
    let fields = [("key", key.as_str()), ("return_to", counted.location())];
    let undone = staff
        .post(&format!("/postings/{posting}/undo"), &fields)
        .await;
    assert_eq!(undone.location(), counted.location());
    let list = staff.get(undone.location()).await;
    shows(&list, "scan is-undone");
    let entry = list.text().split("scan is-undone").nth(1).unwrap();
    let entry = entry.split("</li>").next().unwrap();
    assert!(!entry.contains("/undo"), "{entry}");
    assert_eq!(app.db.texts("select total from items").await, ["40"]);

    let undoing = app.db.texts("select posting_id from undos").await.remove(0);
    let key = ticker_testkit::key().to_string();
    let path = format!("/postings/{undoing}/undo");
    staff.post(&path, &[("key", key.as_str())]).await;
    let list = staff.get(counted.location()).await;
    shows(&list, "Undone, and done again");
}

#[tokio::test]
async fn what_did_not_count_is_said_and_stays_in_the_sitting() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").barcode("4711").await;
    let before = app.state().await;

    let unknown = scan(&staff, "add", "<b>0815").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    shows(&unknown, "Nothing carries &#60;b&#62;0815");
    shows(&unknown, "name=\"scans\" value=\"u&#60;b&#62;0815\"");
    assert!(!unknown.text().contains("/items/new"), "staff add no items");
    let short = scan(&staff, "take", "4711").await;
    assert_eq!(short.status, StatusCode::CONFLICT);
    shows(&short, "None left at Shop floor. Nothing was taken.");
    let kept = staff
        .get(&format!("/scan?mode=take&scans=r{}%20u0815", item.id))
        .await;
    shows(&kept, "Not counted.");
    shows(&kept, "AA batteries");
    shows(&kept, "Nothing carries 0815");

    let spaced = scan(&staff, "add", "AA batteries").await;
    assert_eq!(spaced.status, StatusCode::UNPROCESSABLE_ENTITY);
    shows(&spaced, "The code must not contain spaces");
    shows(&spaced, "value=\"AA batteries\"");
    let keyless = staff
        .post("/scan", &[("mode", "add"), ("code", "4711")])
        .await;
    assert_eq!(keyless.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.state().await, before);

    let manager = app.browser(Role::Manager).await;
    let unknown = scan(&manager, "add", "08&15").await;
    shows(&unknown, "/items/new?barcode=08%2615");
    let form = manager.get("/items/new?barcode=08%2615").await;
    shows(&form, "value=\"08&#38;15\"");
}

/// Whatever an address names.
#[tokio::test]
async fn what_did_not_count_is_named_in_one_reading() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    let mut scans = Vec::new();
    for name in ["Nuts", "Bolts", "Screws"] {
        scans.push(format!("r{}", app.db.item(name).await.id));
    }
    let done = Done::watch();
    let page = staff
        .get(&format!("/scan?scans={}%20r4711", scans.join("%20")))
        .await;
    for name in ["Nuts", "Bolts", "Screws"] {
        shows(&page, name);
    }
    let readings = ["app.item.show", "app.stock.rows"].map(|name| done.count(name));
    assert_eq!(readings, [0, 1]);
}

/// Enter was pressed for a second code while the first one's page was still on its way.
#[tokio::test]
async fn a_second_code_from_the_same_page_does_not_count_and_the_first_is_told() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    app.db.item("AA batteries").barcode("4711").stock(1).await;
    app.db.item("Fuse").barcode("4712").stock(1).await;
    let send = async |code| {
        let fields = [("key", KEY), ("mode", "add"), ("code", code)];
        staff.post("/scan", &fields).await
    };
    send("4711").await;
    let second = send("4712").await;
    assert_eq!(second.status, StatusCode::UNPROCESSABLE_ENTITY);
    shows(&second, "Another scan was sent from the same page before.");
    shows(&second, "AA batteries");
    shows(&second, "2 at Shop floor");
    let run_together = send("47114712").await;
    assert_eq!(run_together.status, StatusCode::NOT_FOUND);
    shows(&run_together, "2 at Shop floor");
    assert_eq!(app.db.texts("select sum(total) from items").await, ["3"]);
}

#[tokio::test]
async fn script_is_answered_with_the_entry_that_it_waits_for() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").sku("4711").stock(1).await;
    let other = app.db.item("Fuse").barcode("4711").stock(1).await;

    let fields = [
        ("key", KEY),
        ("mode", "add"),
        ("code", "4711"),
        ("count", "3"),
    ];
    let asked = scan_by_script(&staff, &fields).await;
    assert_eq!(asked.status, StatusCode::CONFLICT);
    shows(&asked, &format!("id=\"scan-{KEY}\""));
    shows(&asked, &format!("name=\"item\" value=\"{}\"", other.id));
    shows(&asked, "name=\"count\" value=\"3\"");
    assert!(!asked.text().contains("<html"));

    let chosen = item.id.to_string();
    let mut fields = fields.to_vec();
    fields.push(("item", &chosen));
    let counted = scan_by_script(&staff, &fields).await;
    assert_eq!(counted.status, StatusCode::OK);
    shows(&counted, "+3</b>");
    shows(&counted, "4 at Shop floor");
    shows(&counted, "data-trace=\"p");
    for (name, value) in [("count", "0"), ("count", "x"), ("item", "x"), ("code", "")] {
        let mut fields = fields.clone();
        fields.retain(|(kept, _)| *kept != name);
        fields.push((name, value));
        let refused = scan_by_script(&staff, &fields).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name} {value}"
        );
        shows(&refused, &format!("id=\"scan-{KEY}\""));
    }
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

/// The answer was lost, and what it would be asked about has changed before it is asked for again.
#[tokio::test]
async fn a_scan_that_counted_is_told_as_counted_whatever_has_changed_since() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").barcode("4711").stock(1).await;
    let back_room = app.db.location("Back room").await;
    let fields = [("key", KEY), ("mode", "add"), ("code", "4711")];
    scan_by_script(&staff, &fields).await;
    let told = async |what: &str| {
        let again = scan_by_script(&staff, &fields).await;
        assert_eq!(again.status, StatusCode::OK, "{what}: {}", again.text());
        shows(&again, &format!("id=\"scan-{KEY}\""));
        shows(&again, "AA batteries");
        shows(&again, "2 at Shop floor");
    };

    let moves_home = format!(
        "update items set home_location_id = {back_room} where id = {}",
        item.id
    );
    app.db.sql(&moves_home).await;
    told("another home").await;
    let by_page = staff.post("/scan", &fields).await;
    assert_eq!(by_page.status, StatusCode::SEE_OTHER, "{}", by_page.text());

    let other = app.db.item("Fuse").sku("4711").stock(1).await;
    told("two carry the code").await;
    let moves_code = format!(
        "update items set barcode = null, barcode_key = null where id = {}",
        item.id
    );
    app.db.sql(&moves_code).await;
    told("another one carries the code").await;
    let rename = format!(
        "update items set sku = 'F', sku_key = 'f' where id = {}",
        other.id
    );
    app.db.sql(&rename).await;
    told("nothing carries the code").await;
    let totals = app.db.texts("select total from items order by id").await;
    assert_eq!(totals, ["2", "1"]);
}

#[tokio::test]
async fn a_sitting_at_a_location_that_was_archived_meanwhile_goes_on() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    app.db.item("AA batteries").barcode("4711").stock(1).await;
    let back_room = app.db.location("Back room").await.to_string();
    let archive = format!("update locations set archived_at = now() where id = {back_room}");
    app.db.sql(&archive).await;
    let key = key().to_string();
    let fields = [
        ("key", key.as_str()),
        ("mode", "add"),
        ("code", "4711"),
        ("location", &back_room),
        ("scans", "u0815"),
    ];
    let refused = staff.post("/scan", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    shows(&refused, "That location is not in use any more.");
    shows(&refused, "Nothing carries 0815");
}

#[tokio::test]
async fn scans_count_where_the_sitting_says() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").barcode("4711").stock(1).await;
    let one = staff.get("/scan").await;
    assert!(
        !one.text().contains("name=\"location\""),
        "there is one only"
    );
    let back_room = app.db.location("Back room").await.to_string();
    let key = key().to_string();
    let fields = [
        ("key", key.as_str()),
        ("mode", "add"),
        ("code", "4711"),
        ("location", &back_room),
    ];
    let counted = staff.post("/scan", &fields).await;
    let page = staff.get(counted.location()).await;
    shows(&page, "1 at Back room");
    shows(&page, &format!("<option value=\"{back_room}\" selected>"));
    let levels = format!(
        "select on_hand from levels where item_id = {} order by 1",
        item.id
    );
    assert_eq!(app.db.texts(&levels).await, ["1", "1"]);
    for path in ["/scan?mode=steal", "/scan?location=here"] {
        assert_eq!(
            staff.get(path).await.status,
            StatusCode::BAD_REQUEST,
            "{path}"
        );
    }
}

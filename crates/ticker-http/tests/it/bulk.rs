//! Changing many items at once, and taking the list out.

use http::StatusCode;
use ticker_domain::id::ItemId;
use ticker_domain::user::Role;
use ticker_testkit::key;

use crate::app::{Browser, TestApp};
use crate::log::Done;

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn a_change_is_seen_made_once_and_told() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    let many = app.db.item("Many").sku("MANY").stock(1_009).await.id;
    let few = app.db.item("<b>Few</b>").stock(1).await.id;
    let selected = format!("item={many}&item={few}");

    let asked = vera.get(&format!("/bulk?action=adjust&{selected}")).await;
    has(
        asked.text(),
        &[
            "<h1>Adjust 2 items</h1>",
            &format!("name=\"item\" value=\"{few}\""),
            "name=\"by\"",
        ],
    );
    assert!(
        !asked.text().contains("What will happen"),
        "{}",
        asked.text()
    );

    let wrong = vera
        .get(&format!(
            "/bulk?action=adjust&{selected}&ready=1&by=few&reason=x"
        ))
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    has(
        wrong.text(),
        &[
            "Change must be a whole number",
            "Reason must be",
            "value=\"few\"",
        ],
    );

    let seen = vera
        .get(&format!(
            "/bulk?action=adjust&{selected}&ready=1&by=-2&reason=damaged"
        ))
        .await;
    has(
        seen.text(),
        &[
            "1 item will be changed.",
            "1 is left out: it would go below zero.",
            "−2 → 1,007",
            "left out: would go below zero",
            "Adjust 1 item</button>",
        ],
    );

    let (form_key, ids) = (key().to_string(), [many.to_string(), few.to_string()]);
    let form = [
        ("key", form_key.as_str()),
        ("action", "adjust"),
        ("item", &ids[0]),
        ("item", &ids[1]),
        ("ready", "1"),
        ("by", "-2"),
        ("reason", "damaged"),
    ];
    let made = vera.post("/bulk", &form).await;
    assert_eq!(made.location(), "/bulk/1", "{}", made.text());
    let again = vera.post("/bulk", &form).await;
    assert_eq!(again.location(), "/bulk/1");
    has(
        vera.get("/bulk/1").await.text(),
        &[
            "<h1>1 item changed, 1 left out</h1>",
            "&#60;b&#62;Few&#60;/b&#62;</a>",
            "<td>would go below zero</td>",
        ],
    );
    app.db
        .sql("update bulk_changes set form = '', skips = '[]'")
        .await;
    has(
        vera.get("/bulk/1").await.text(),
        &["<h1>1 item changed, 1 left out</h1>", "href=\"/\""],
    );
    let mut other = form;
    other[5] = ("by", "-1");
    let reused = vera.post("/bulk", &other).await;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let totals = "select total from items order by id";
    assert_eq!(app.db.texts(totals).await, ["1007", "1"]);
}

/// A list that is searched for is searched once for its preview, and never for what is done already.
#[tokio::test]
async fn what_is_made_is_not_looked_at_before_and_a_preview_searches_once() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    for name in ["Nuts", "Nut crackers", "Bolts"] {
        app.db.item(name).stock(2).await;
    }
    let done = Done::watch();
    let list = "action=adjust&all=1&q=nut&ready=1&by=1&reason=adjusted";
    let seen = vera.get(&format!("/bulk?{list}")).await;
    has(seen.text(), &["2 items will be changed."]);
    let searches = ["db.stock.list", "db.stock.search_ids"].map(|name| done.count(name));
    assert_eq!(searches, [0, 1]);
    let previews = done.count("app.bulk.preview");
    let form_key = key().to_string();
    let form = [
        ("key", form_key.as_str()),
        ("action", "adjust"),
        ("all", "1"),
        ("q", "nut"),
        ("ready", "1"),
        ("by", "1"),
        ("reason", "adjusted"),
    ];
    let made = vera.post("/bulk", &form).await;
    assert_eq!(made.location(), "/bulk/1", "{}", made.text());
    assert_eq!(done.count("app.bulk.preview"), previews);
    let mut other = form;
    other[5] = ("by", "2");
    let refused = vera.post("/bulk", &other).await;
    has(refused.text(), &["2 items will be changed."]);
    assert_eq!(done.count("app.bulk.preview"), previews + 1);
    let totals = "select total from items order by id";
    assert_eq!(app.db.texts(totals).await, ["3", "3", "2"]);
}

/// Nowhere to move to, and no place named.
#[tokio::test]
async fn a_shop_with_one_location_is_not_told_of_it() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    let item = app.db.item("Nuts").stock(2).await.id;
    let adjust = format!("/bulk?action=adjust&item={item}&ready=1&by=1&reason=adjusted");
    for (is_one, locations) in [(true, 1), (false, 2)] {
        let list = vera.get("/").await;
        let offers = list.text().contains("name=\"action\" value=\"move\"");
        assert_eq!(offers, !is_one, "{locations} locations");
        let asked = vera.get(&adjust).await;
        let is_told_of_one = asked.text().contains("<body class=\"one-location\"");
        assert_eq!(is_told_of_one, is_one, "{locations} locations");
        app.db.location("Back room").await;
    }
}

#[tokio::test]
async fn the_items_of_a_list_are_named_by_its_filters() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    for name in ["Nuts", "Nut crackers", "Bolts"] {
        app.db.item(name).stock(2).await;
    }
    let shed = app.db.location("Shed").await.to_string();
    let list = vera.get("/?q=nut&size=25").await;
    has(
        list.text(),
        &[
            "<input type=\"hidden\" name=\"q\" value=\"nut\">",
            "name=\"action\" value=\"move\"",
        ],
    );
    let seen = vera
        .get(&format!(
            "/bulk?action=move&all=1&q=nut&size=25&ready=1&to={shed}"
        ))
        .await;
    has(
        seen.text(),
        &[
            "<h1>Move all items that match</h1>",
            "2 items will be changed.",
            "all 2 move",
            "href=\"/?q=nut&#38;size=25\"",
        ],
    );
    let form_key = key().to_string();
    let form = [
        ("key", form_key.as_str()),
        ("action", "move"),
        ("all", "1"),
        ("q", "nut"),
        ("ready", "1"),
        ("to", &shed),
    ];
    let made = vera.post("/bulk", &form).await;
    has(
        vera.get(made.location()).await.text(),
        &["<h1>2 items changed</h1>", "href=\"/?q=nut\""],
    );
    let there = format!("select count(*) from levels where location_id = {shed} and on_hand = 2");
    assert_eq!(app.db.texts(&there).await, ["2"]);
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_done_to_nothing_and_nonsense_is_named() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    let nothing = vera.get("/bulk?action=archive&q=nut").await;
    assert_eq!(nothing.location(), "/?q=nut");
    for address in [
        "/bulk?item=1",
        "/bulk?action=burn&item=1",
        "/bulk?action=archive&item=x",
        "/bulk?action=archive&item=1&sort=nonsense",
        "/bulk?action=archive&item=1&q=a&q=b",
        "/inventory.csv?item=-1",
    ] {
        let answer = vera.get(address).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{address}");
    }
    let archive = vera.get("/bulk?action=archive&item=99").await;
    has(archive.text(), &["No item will be changed."]);
    assert_eq!(vera.get("/bulk/7").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_list_is_taken_out_as_it_is_filtered_or_ticked() {
    let app = TestApp::new().await;
    let sam = app.browser(Role::Staff).await;
    let nuts = app
        .db
        .item("=Nuts")
        .sku("NUT")
        .stock(4)
        .stock_at("Shed", 3)
        .await;
    let bolts = app.db.item("Bolts, \"steel\"").sku("BOLT").await;
    app.db.item("Gone").sku("GONE").archived().await;
    let lines = async |address: &str| {
        let answer = sam.get(address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}");
        assert!(
            answer
                .header("content-disposition")
                .contains("inventory-2026")
        );
        let text = answer.text().to_owned();
        let lines = text.split_terminator("\r\n").map(str::to_owned);
        let when = "2026-01-05T09:00:00.000000Z";
        lines
            .map(|line| line.replace(when, "then"))
            .collect::<Vec<_>>()
    };
    let head = "item,sku,name,category,location,quantity,total,unit,status,archived,changed_at";
    let of_nuts = format!(
        "{},NUT,'=Nuts,Things,Shop floor,7,7,pcs,ok,no,then",
        nuts.id
    );
    let of_bolts = format!(
        "{},BOLT,\"Bolts, \"\"steel\"\"\",Things,Shop floor,0,0,pcs,out,no,then",
        bolts.id
    );
    let both = [head, of_nuts.as_str(), of_bolts.as_str()];
    assert_eq!(lines("/inventory.csv").await, both);
    assert_eq!(lines("/inventory.csv?all=1&item=99").await, both);
    assert_eq!(lines("/inventory.csv?q=nut").await, both[..2]);
    let ticked = format!("/inventory.csv?q=zzz&item={}", bolts.id);
    assert_eq!(lines(&ticked).await, [head, &of_bolts]);
    let shed = app.db.location("Shed").await;
    assert_eq!(
        lines(&format!("/inventory.csv?location={shed}")).await,
        [head, &of_nuts.replace("Shop floor,7,7", "Shed,3,7")]
    );
}

#[tokio::test]
async fn staff_tick_rows_only_to_take_them_out() {
    let app = TestApp::new().await;
    app.db.item("Nuts").stock(4).await;
    let sam = app.browser(Role::Staff).await;
    let list = sam.get("/").await;
    has(
        list.text(),
        &["Export CSV", "form=\"selection\" name=\"item\""],
    );
    assert!(!list.text().contains("name=\"action\""), "{}", list.text());
    let refused = sam.get("/bulk?action=archive&item=1").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_keeps_a_change_from_going_on_is_told_and_it_can_be_continued() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    let item = app.db.item("Nuts").await.id.to_string();
    let tools = app.db.category("Tools").await.to_string();
    let archive = format!("update categories set archived_at = now() where id = {tools}");
    app.db.sql(&archive).await;
    let form_key = key().to_string();
    let form = [
        ("key", form_key.as_str()),
        ("action", "category"),
        ("item", &item),
        ("ready", "1"),
        ("set_category", &tools),
    ];
    let rests = vera.post("/bulk", &form).await;
    assert_eq!(rests.location(), "/bulk/1", "{}", rests.text());
    let told = vera.get("/bulk/1").await;
    has(
        told.text(),
        &[
            "<h1>0 items changed</h1>",
            "It has stopped: the category is not in use.",
            "Continue</button>",
        ],
    );
    assert!(!told.text().contains("hx-trigger"), "{}", told.text());
    app.db.sql("update categories set archived_at = null").await;
    vera.post("/bulk", &form).await;
    has(
        vera.get("/bulk/1").await.text(),
        &["<h1>1 item changed</h1>"],
    );
}

/// Adjusts both by two, as a manager does; and where that is told.
async fn add_two(vera: &Browser<'_>, items: &[ItemId]) -> String {
    let form_key = key().to_string();
    let ids: Vec<String> = items.iter().map(ToString::to_string).collect();
    let mut form = vec![
        ("key", form_key.as_str()),
        ("action", "adjust"),
        ("ready", "1"),
        ("by", "2"),
        ("reason", "received"),
    ];
    form.extend(ids.iter().map(|id| ("item", id.as_str())));
    let made = vera.post("/bulk", &form).await;
    made.location().to_owned()
}

#[tokio::test]
async fn taking_back_is_seen_done_once_and_told_on_both_sides() {
    let app = TestApp::new().await;
    let vera = app
        .db
        .user_named("vera", "Vera <Vale>", Role::Manager)
        .await;
    let vera = app.browser_of(&vera).await;
    let free = app.db.item("Free").stock(1_007).await;
    let sold = app.db.item("Sold").stock(1).await;
    let bulk = add_two(&vera, &[free.id, sold.id]).await;
    app.db.stock(sold.level(), -2).await;
    let undo = format!("{bulk}/undo");
    let offer = format!("href=\"{undo}\">Take back…</a>");
    has(vera.get(&bulk).await.text(), &[&offer]);
    let history = format!("/items/{}/history", free.id);
    let link = format!("<a class=\"of-bulk\" href=\"{bulk}\">in a bulk change</a>");
    has(vera.get(&history).await.text(), &[&link]);

    let seen = vera.get(&undo).await;
    has(
        seen.text(),
        &[
            "1 item will be changed.",
            "1 is left out: it would go below zero.",
            "−2 → 1,007",
            "left out: would go below zero",
            "Take back 1 item</button>",
            &format!("action=\"{undo}\""),
        ],
    );
    let keyless = vera.post(&undo, &[("key", "")]).await;
    assert_eq!(keyless.status, StatusCode::UNPROCESSABLE_ENTITY);
    has(keyless.text(), &["Take back 1 item</button>"]);

    let form_key = key().to_string();
    let form = [("key", form_key.as_str())];
    let made = vera.post(&undo, &form).await;
    let back = made.location().to_owned();
    assert_eq!(vera.post(&undo, &form).await.location(), back);
    let reused = vera.post(&format!("{back}/undo"), &form).await;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
    has(
        vera.get(&back).await.text(),
        &[
            "<h1>1 item taken back, 1 left out</h1>",
            &format!("This takes back <a href=\"{bulk}\">"),
            "<td>would go below zero</td>",
            &format!("href=\"{back}/undo\">Take back…</a>"),
        ],
    );
    let told = format!("<a href=\"{back}\">1 item taken back</a> by Vera &#60;Vale&#62;");
    has(vera.get(&bulk).await.text(), &[&told, &offer]);
    let totals = "select total from items order by id";
    assert_eq!(app.db.texts(totals).await, ["1007", "1"]);

    let text = vera.get(&history).await;
    has(
        text.text(),
        &[
            ">undone by Vera &#60;Vale&#62;</a>",
            &link,
            &format!("<a class=\"of-bulk\" href=\"{back}\">in a bulk change</a>"),
        ],
    );
    app.db.stock(sold.level(), 1).await;
    vera.post(&undo, &[("key", &key().to_string())]).await;
    let all = vera.get(&bulk).await;
    assert!(!all.text().contains("Take back…"), "{}", all.text());
    has(
        vera.get(&undo).await.text(),
        &[
            "No item will be changed.",
            "2 are left out: they were taken back already.",
        ],
    );
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn staff_see_that_it_was_a_bulk_change_and_do_not_take_it_back() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    let sam = app.browser(Role::Staff).await;
    let item = app.db.item("Nuts").stock(1).await.id;
    let bulk = add_two(&vera, &[item]).await;
    let undo = format!("{bulk}/undo");
    let form_key = key().to_string();
    for answer in [
        sam.get(&undo).await,
        sam.post(&undo, &[("key", &form_key)]).await,
    ] {
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let history = sam.get(&format!("/items/{item}/history")).await;
    has(
        history.text(),
        &["<span class=\"of-bulk\">in a bulk change</span>"],
    );
    assert!(!history.text().contains(&bulk), "{}", history.text());
    assert_eq!(app.db.texts("select total from items").await, ["3"]);
    assert_eq!(vera.get("/bulk/7/undo").await.status, StatusCode::NOT_FOUND);
    let unknown = vera.post("/bulk/7/undo", &[("key", &form_key)]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_moved_is_said_to_go_back_and_what_stopped_half_way_can_be_taken_back() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    let item = app.db.item("Nuts").stock(4).await;
    let shed = app.db.location("Shed").await.to_string();
    let (form_key, id) = (key().to_string(), item.id.to_string());
    let form = [
        ("key", form_key.as_str()),
        ("action", "move"),
        ("item", &id),
        ("ready", "1"),
        ("to", &shed),
    ];
    let moved = vera.post("/bulk", &form).await;
    let bulk = moved.location().to_owned();
    app.db
        .sql("update bulk_changes set ended_at = null, rests_because = 'it rains'")
        .await;
    let undo = format!("{bulk}/undo");
    has(
        vera.get(&bulk).await.text(),
        &[
            "It has stopped: it rains.",
            "Continue</button>",
            &format!("href=\"{undo}\">Take back…</a>"),
        ],
    );
    has(
        vera.get(&undo).await.text(),
        &["4 move to Shop floor", "· Shed</span>"],
    );
    // It is somebody's who is at it.
    app.db
        .sql("update bulk_changes set rests_because = null")
        .await;
    let runs = vera.get(&bulk).await;
    assert!(!runs.text().contains("Take back…"), "{}", runs.text());

    let undo_key = key().to_string();
    let early = vera.post(&undo, &[("key", &undo_key)]).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    has(early.text(), &["It is still being made."]);

    app.db
        .sql("update bulk_changes set rests_because = 'it rains'")
        .await;
    let back = vera.post(&undo, &[("key", &undo_key)]).await;
    let back = back.location().to_owned();
    let ended = vera.get(&bulk).await;
    assert!(!ended.text().contains("Continue"), "{}", ended.text());
    app.db
        .sql("update bulk_changes set ended_at = null, rests_because = 'it rains' where undoes_id is not null")
        .await;
    has(
        vera.get(&back).await.text(),
        &[
            "<h1>1 item taken back</h1>",
            &format!("<form method=\"post\" action=\"{undo}\" data-once>"),
            &format!("name=\"key\" value=\"{undo_key}\""),
            "Continue</button>",
        ],
    );
    vera.post(&undo, &[("key", &undo_key)]).await;
    has(vera.get(&back).await.text(), &["Back to the list"]);
    let there = format!("select on_hand from levels where location_id <> {shed}");
    assert_eq!(app.db.texts(&there).await, ["4"]);
}

/// Longer than what is kept of a form, and shorter than any form may be.
#[tokio::test]
async fn more_items_than_are_kept_are_refused() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    let form_key = key().to_string();
    let ids: Vec<String> = (1_000_000..1_003_600).map(|id| id.to_string()).collect();
    let mut form = vec![("key", form_key.as_str()), ("action", "archive")];
    form.extend(ids.iter().map(|id| ("item", id.as_str())));
    let refused = vera.post("/bulk", &form).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    has(refused.text(), &["Too many items are ticked at once"]);
    let begun = "select id from bulk_changes";
    assert_eq!(app.db.texts(begun).await, Vec::<String>::new());
}

//! The pages of locations and categories.

use http::StatusCode;
use ticker_domain::user::Role;
use ticker_testkit::key;

use crate::app::{Answer, Browser, TestApp};

/// Follows a redirection after a form, with the message that it leaves.
async fn follow(browser: &Browser<'_>, answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    let message = answer.header("set-cookie").split(';').next();
    let session = browser.cookie.as_deref().unwrap_or_default();
    let mut with_message = browser.clone();
    with_message.cookie = Some(format!("{session}; {}", message.unwrap_or_default()));
    let page = with_message.get(answer.location()).await;
    page.text().to_owned()
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[tokio::test]
async fn a_group_is_added_renamed_archived_and_restored() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    for (list, word) in [("/locations", "location"), ("/categories", "category")] {
        let empty = vera.get(list).await;
        has(empty.text(), &["yet</h2>", &format!("New {word}")]);

        let added = vera.post(list, &[("name", " Nuts & <b>Bolts</b> ")]).await;
        assert_eq!(added.location(), list);
        let one = format!("{list}/1");
        has(
            &follow(&vera, &added).await,
            &[&format!(
                "href=\"{one}\">Nuts &#38; &#60;b&#62;Bolts&#60;/b&#62;</a>"
            )],
        );

        let renamed = vera.post(&one, &[("name", "Bolts")]).await;
        assert_eq!(renamed.location(), one);
        has(
            &follow(&vera, &renamed).await,
            &["<h1>Bolts</h1>", "Archive Bolts"],
        );

        let archived = vera.post(&format!("{one}/archive"), &[]).await;
        has(
            &follow(&vera, &archived).await,
            &["Archived <time", "action=\"", "/restore\""],
        );
        let listed = vera.get(list).await;
        assert!(!listed.text().contains(">Bolts</a>"), "{}", listed.text());
        let listed = vera.get(&format!("{list}?archived=1")).await;
        has(listed.text(), &[">Bolts</a>"]);

        let restored = vera.post(&format!("{one}/restore"), &[]).await;
        let page = follow(&vera, &restored).await;
        assert!(!page.contains("/restore\""), "{page}");
    }
}

#[tokio::test]
async fn a_name_that_is_taken_or_none_is_said_at_its_field_and_kept() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    vera.post("/locations", &[("name", "Shed")]).await;
    vera.post("/locations", &[("name", "Attic")]).await;

    let twice = vera.post("/locations", &[("name", "SHED")]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    has(
        twice.text(),
        &[
            "Name belongs to another location",
            "value=\"SHED\"",
            "href=\"/locations/1\">Shed</a>",
        ],
    );
    let taken = vera.post("/locations/2", &[("name", "shed")]).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    has(
        taken.text(),
        &[
            "value=\"shed\"",
            "href=\"/locations/2/merge?into=1\">Merge Attic into Shed</a>",
        ],
    );
    for (path, name) in [("/locations", " "), ("/locations/2", "a\u{202e}b")] {
        let wrong = vera.post(path, &[("name", name)]).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        has(wrong.text(), &["aria-invalid=\"true\""]);
    }
}

#[tokio::test]
async fn what_is_in_use_stays_so_and_says_why() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    app.db.item("AA batteries").stock(3).await;
    app.db.item("C batteries").archived().await;
    let page = vera.get("/locations/1").await;
    has(
        page.text(),
        &["2 (1 archived)", "Possible once nothing is in it"],
    );
    let refused = vera.post("/locations/1/archive", &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    has(
        refused.text(),
        &["Shop floor stays in use: 2 items are at home here and 1 item is in stock here."],
    );
    let refused = vera.post("/categories/1/archive", &[]).await;
    has(
        refused.text(),
        &["Things stays in use: 2 items belong to it. Merge it into another category"],
    );
}

#[tokio::test]
async fn a_merge_is_asked_about_and_done_once() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    vera.post("/locations", &[("name", "Shed")]).await;
    vera.post("/locations", &[("name", "Shop floor")]).await;
    app.db.item("AA batteries").home("Shed").stock(1_300).await;
    app.db.item("C batteries").home("Shed").await;
    let asked = vera.get("/locations/1/merge?into=2").await;
    has(
        asked.text(),
        &[
            "<h1>Merge Shed into Shop floor?</h1>",
            "2 items will be at home at Shop floor",
            "The stock of 1 item is transferred to Shop floor: 1,300 in all",
        ],
    );
    let form_key = key().to_string();
    let form = [("key", form_key.as_str()), ("into", "2")];
    let merged = vera.post("/locations/1/merge", &form).await;
    assert_eq!(merged.location(), "/locations/2");
    has(
        &follow(&vera, &merged).await,
        &["Merged Shed into Shop floor: 2 items", "1,300"],
    );
    let again = vera.post("/locations/1/merge", &form).await;
    assert_eq!(again.location(), "/locations/2");
    let movements = "select count(*) from movements";
    assert_eq!(app.db.texts(movements).await, ["3"]);
    has(
        vera.get("/locations/1").await.text(),
        &["everything in it moved to <a href=\"/locations/2\">Shop floor</a>"],
    );
    has(
        vera.get("/locations/1/merge").await.text(),
        &["<h1>Merged Shed into Shop floor</h1>", "2 items moved."],
    );
    for (fields, status) in [
        (vec![("into", "2")], StatusCode::UNPROCESSABLE_ENTITY),
        (
            vec![("key", form_key.as_str())],
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            vec![("key", form_key.as_str()), ("into", "99")],
            StatusCode::NOT_FOUND,
        ),
        (
            vec![("key", form_key.as_str()), ("into", "1")],
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let answer = vera.post("/locations/1/merge", &fields).await;
        assert_eq!(answer.status, status, "{fields:?}");
    }
}

/// A merge that was begun and that nobody is at says so, and can be continued.
#[tokio::test]
async fn a_merge_that_rests_is_continued() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    vera.post("/locations", &[("name", "Shed")]).await;
    vera.post("/locations", &[("name", "Shop floor")]).await;
    app.db.item("AA batteries").home("Shed").stock(7).await;
    let sam = app.db.storekeeper().await.id;
    let begin = |at: &str| {
        format!(
            "insert into group_merges (key, kind, source_id, target_id, actor_id, items_total, items_moved,
                                       begun_at, stepped_at)
             values (gen_random_uuid(), 'location', 1, 2, {sam}, 40000, 12000, '{at}', '{at}')"
        )
    };
    let now = app.db.clock().timestamp();
    app.db.sql(&begin(&now.to_string())).await;
    let page = vera.get("/locations/1/merge").await;
    has(
        page.text(),
        &[
            "12,000 of 40,000 items moved",
            "hx-trigger=\"every 1s\"",
            "value=\"12000\"",
        ],
    );
    assert!(!page.text().contains("Continue"), "{}", page.text());
    has(
        vera.get("/locations/1").await.text(),
        &["It is being merged into Shop floor."],
    );
    app.db
        .sql("update group_merges set items_total = null")
        .await;
    let page = vera.get("/locations/1/merge").await;
    has(page.text(), &["12,000 items moved so far", "<progress"]);
    assert!(!page.text().contains("value=\"12000\""), "{}", page.text());
    app.db.clock().advance(jiff::SignedDuration::from_secs(11));
    let page = vera.get("/locations/1/merge").await;
    has(page.text(), &["It has stopped.", "Continue"]);
    assert!(
        !page.text().contains("hx-trigger=\"every"),
        "{}",
        page.text()
    );

    let form_key = key().to_string();
    let form = [("key", form_key.as_str()), ("into", "2")];
    let merged = vera.post("/locations/1/merge", &form).await;
    has(
        &follow(&vera, &merged).await,
        &["Merged Shed into Shop floor: 12,001 items"],
    );
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_item_cannot_be_put_into_what_is_archived() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    vera.post("/locations", &[("name", "Shed")]).await;
    vera.post("/locations/1/archive", &[]).await;
    app.db.item("AA batteries").sku("BAT-AA").await;
    let (form_key, fields) = (
        key().to_string(),
        [
            ("version", "1"),
            ("name", "Cells"),
            ("sku", "BAT-AA"),
            ("unit", "pcs"),
            ("category", "Things"),
            ("home_location", "Shed"),
        ],
    );
    let mut new = fields.to_vec();
    new.extend([("key", form_key.as_str()), ("sku", "C")]);
    new.retain(|field| *field != ("sku", "BAT-AA"));
    for (path, fields) in [("/items/1", fields.to_vec()), ("/items", new)] {
        let answer = vera.post(path, &fields).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.text());
        has(
            answer.text(),
            &[
                "Home location is archived: restore it, or choose another",
                "value=\"Shed\"",
                "value=\"Cells\"",
            ],
        );
    }
    let offered = vera.get("/items/new").await;
    assert!(!offered.text().contains("Shed"), "{}", offered.text());
}

/// What the pages say about locations to somebody whose browser follows the style sheet.
#[tokio::test]
async fn a_shop_with_one_location_is_not_told_of_locations() {
    let app = TestApp::new().await;
    let vera = app.browser(Role::Manager).await;
    let item = app.db.item("AA batteries").stock(3).await;
    let pages = [
        "/".to_owned(),
        format!("/items/{}", item.id),
        format!("/items/{}/history", item.id),
        format!("/items/{}/adjust", item.id),
    ];
    let told = async |count: usize| {
        for path in &pages {
            let page = vera.get(path).await;
            let hides = page.text().matches("class=\"one-location\"").count();
            assert_eq!(hides, count, "{path}");
            assert!(page.text().contains("of-locations"), "{path}");
        }
        let list = vera.get("/").await;
        list.text().contains("<option value=\"location\"")
    };
    assert!(!told(1).await);
    let shed = app.db.location("Shed").await;
    assert!(told(0).await);
    vera.post(&format!("/locations/{shed}/archive"), &[]).await;
    assert!(!told(1).await);
}

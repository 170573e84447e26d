//! A day of somebody who works with the stock.

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{LATEST_MOVEMENT, Script, Stage, eventually, list, story};

#[tokio::test]
async fn staff_with_script() {
    story("staff-with-script", Script::On, a_day).await;
}

#[tokio::test]
async fn staff_without_script() {
    story("staff-without-script", Script::Off, a_day).await;
}

async fn a_day(stage: &Stage) {
    let batteries = open_the_shop(stage).await;
    arrives(stage, batteries).await;
    finds(stage).await;
    sorts(stage).await;
    turns_pages(stage).await;
    presses(stage, batteries).await;
    adjusts(stage, batteries).await;
    mistypes(stage, batteries).await;
    counts(stage, batteries).await;
    reads_what_happened(stage, batteries).await;
    meets_closed_doors(stage, batteries).await;
    leaves(stage).await;
}

/// 64 items of which four are told apart.
async fn open_the_shop(stage: &Stage) -> TestItem {
    let db = &stage.db;
    db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    let batteries = db
        .item("AA batteries")
        .sku("BAT-AA")
        .barcode("4006381333931")
        .unit("pack");
    let batteries = batteries
        .category("Power")
        .thresholds(5, 20, 30)
        .stock(42)
        .await;
    let mix = db
        .item("Crème brûlée mix")
        .sku("MIX-1")
        .category("Food")
        .home("Back room");
    mix.thresholds(5, 20, None).stock(3).await;
    db.item("Zip ties").sku("ZIP-1").category("Fixings").await;
    db.item("Fuse")
        .sku("FUSE-1")
        .category("Power")
        .thresholds(None, 10, None)
        .stock(500)
        .await;
    for number in 1..=60 {
        db.item(&format!("Bolt M{number}"))
            .category("Fixings")
            .stock(100 + number)
            .await;
    }
    batteries
}

/// Led to the sign-in and back, over two mistakes with one and the same answer.
async fn arrives(stage: &Stage, batteries: TestItem) {
    let page = &stage.browser;
    let wanted = format!("/items/{}", batteries.id);
    page.go(&wanted).await;
    page.expect("Sign in").await;
    assert!(
        page.path().await.starts_with("/login?next="),
        "led to the sign-in"
    );
    page.expect_gone("AA batteries").await;
    for (username, password) in [("ana", "not her password"), ("nobody", PASSWORD)] {
        page.fill("Username", username).await;
        page.fill("Password", password).await;
        page.press("Sign in").await;
        page.expect("Username or password is wrong.").await;
        assert_eq!(page.value("Username").await, username);
        assert_eq!(page.value("Password").await, "");
    }
    page.fill("Username", "ana").await;
    page.fill("Password", PASSWORD).await;
    page.press("Sign in").await;
    page.expect_path(&wanted).await;
    page.expect_texts("h1", &["AA batteries"]).await;
    assert_eq!(
        page.run("return document.cookie").await,
        "",
        "no script can read the session's cookie"
    );
    assert_eq!(page.cookies().await.len(), 1, "there is one");
    page.press("Inventory").await;
    page.expect_path("/").await;
}

/// By words without case or accents, by SKU, by barcode; by category, status and location.
async fn finds(stage: &Stage) {
    let page = &stage.browser;
    page.expect("50 of 64 items").await;
    for (words, found) in [
        ("CREME BRULEE", &["Crème brûlée mix"][..]),
        ("bat-aa", &["AA batteries"]),
        ("4006381333931", &["AA batteries"]),
    ] {
        list::search(page, words).await;
        list::expect(page, found).await;
        assert!(
            page.path().await.starts_with("/?q="),
            "the search is in the address"
        );
    }
    page.press("Clear").await;
    page.expect("50 of 64 items").await;
    list::narrow(page, "Category", "Power").await;
    list::expect(page, &["AA batteries", "Fuse"]).await;
    page.click("a.chip-over").await;
    list::expect(page, &["Fuse"]).await;
    page.press("Clear").await;
    page.expect("50 of 64 items").await;
    list::narrow(page, "Location", "Back room").await;
    page.click("a.chip-low").await;
    list::expect(page, &["Crème brûlée mix"]).await;
    page.reload().await;
    list::expect(page, &["Crème brûlée mix"]).await;
    page.press("Clear").await;
    page.click("a.chip-out").await;
    list::expect(page, &["Zip ties"]).await;
    page.press("Clear").await;
    page.expect("50 of 64 items").await;
}

/// By a header, both ways, and the header says so.
async fn sorts(stage: &Stage) {
    let page = &stage.browser;
    let first = "tbody tr:first-child th.name";
    for (header, ascending, descending) in [
        ("Quantity", "Zip ties", "Fuse"),
        ("Name", "AA batteries", "Zip ties"),
        ("SKU", "AA batteries", "Zip ties"),
    ] {
        let sorted = "thead th[aria-sort]";
        page.press(header).await;
        page.expect_texts(first, &[ascending]).await;
        page.expect_texts(sorted, &[header]).await;
        assert_eq!(page.attributes(sorted, "aria-sort").await, ["ascending"]);
        page.press(header).await;
        page.expect_texts(first, &[descending]).await;
        page.expect_texts(sorted, &[header]).await;
        assert_eq!(page.attributes(sorted, "aria-sort").await, ["descending"]);
    }
    page.press("Category").await;
    page.expect_texts("tbody tr:first-child td.category", &["Fixings"])
        .await;
    page.press("Category").await;
    page.expect_texts("tbody tr:first-child td.category", &["Power"])
        .await;
}

/// Forwards and back: each item stands on one page, once.
async fn turns_pages(stage: &Stage) {
    let page = &stage.browser;
    page.go("/?size=25").await;
    page.expect("25 of 64 items").await;
    let mut seen = Vec::new();
    for rows in [25, 25, 14] {
        if !seen.is_empty() {
            page.press("Older").await;
        }
        page.expect_count("tbody tr", rows).await;
        seen.extend(page.texts("tbody th.name").await);
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!((seen.len(), once.len()), (64, 64), "every item, once");
    page.press("Newer").await;
    page.expect_texts("tbody tr:first-child th.name", &[&seen[25]])
        .await;
    page.press("Newer").await;
    page.expect_texts("tbody tr:first-child th.name", &[&seen[0]])
        .await;
}

/// One more, one less, on a list that stays as it is.
async fn presses(stage: &Stage, batteries: TestItem) {
    let page = &stage.browser;
    let id = batteries.id;
    let here = "/?q=batteries";
    page.go(here).await;
    for (button, number, toast, movement) in [
        (
            "add",
            "43",
            "+1 AA batteries → 43",
            "ana 1 42 43 adjusted page -",
        ),
        (
            "remove",
            "42",
            "−1 AA batteries → 42",
            "ana -1 43 42 adjusted page -",
        ),
    ] {
        page.click(&format!("#{button}-{id}")).await;
        page.expect(toast).await;
        list::expect_number(page, id, number).await;
        assert_eq!(stage.db.texts(LATEST_MOVEMENT).await, [movement]);
        page.expect_path(here).await;
    }
}

/// By any amount, with a reason and a note.
async fn adjusts(stage: &Stage, batteries: TestItem) {
    let page = &stage.browser;
    list::open_adjust(page, batteries.id).await;
    page.pick("Take away").await;
    page.fill("Quantity", "7").await;
    page.choose("Reason", "Damaged").await;
    page.fill("Note (optional)", "fell off the shelf").await;
    page.press("Save").await;
    page.expect("−7 AA batteries → 35").await;
    list::expect_number(page, batteries.id, "35").await;
    page.expect_path("/?q=batteries").await;
    let movement = "ana -7 42 35 damaged page fell off the shelf";
    assert_eq!(stage.db.texts(LATEST_MOVEMENT).await, [movement]);
}

/// What cannot be is refused: the field is named, what was typed stays, and nothing moves.
async fn mistypes(stage: &Stage, batteries: TestItem) {
    let page = &stage.browser;
    list::open_adjust(page, batteries.id).await;
    page.pick("Take away").await;
    page.fill("Note (optional)", "kept").await;
    for (quantity, problem) in [
        ("abc", "Quantity must be a whole number"),
        ("0", "Quantity must not be zero"),
        ("99999999999", "Quantity must be a whole number between"),
    ] {
        page.fill("Quantity", quantity).await;
        page.press("Save").await;
        page.expect(problem).await;
        page.expect_count("#quantity[aria-invalid='true']", 1).await;
        assert_eq!(page.value("Quantity").await, quantity);
        assert_eq!(page.value("Note (optional)").await, "kept");
    }
    page.fill("Quantity", "1000").await;
    page.press("Save").await;
    page.expect("Only 35 left at Shop floor. Nothing was taken.")
        .await;
    assert_eq!(page.value("Quantity").await, "1000");
    assert_eq!(page.value("Note (optional)").await, "kept");
    page.press("Cancel").await;
    list::expect_number(page, batteries.id, "35").await;
    let movement = "ana -7 42 35 damaged page fell off the shelf";
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        [movement],
        "nothing moved since"
    );
}

/// A count, and one under which stock moved.
async fn counts(stage: &Stage, batteries: TestItem) {
    let page = &stage.browser;
    list::open_adjust(page, batteries.id).await;
    page.pick("Count is").await;
    page.fill("Quantity", "33").await;
    page.press("Save").await;
    list::expect_number(page, batteries.id, "33").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana -2 35 33 counted page -"]
    );
    list::open_adjust(page, batteries.id).await;
    stage.db.stock(batteries.level(), -3).await;
    page.pick("Count is").await;
    page.fill("Quantity", "44").await;
    page.press("Save").await;
    page.expect("3 were taken since you counted: is it 41 now, not 44?")
        .await;
    page.press("Yes, 41").await;
    list::expect_number(page, batteries.id, "41").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana 11 30 41 counted page -"]
    );
}

/// The item's page and its history tell the same as the ledger.
async fn reads_what_happened(stage: &Stage, batteries: TestItem) {
    let page = &stage.browser;
    page.press("AA batteries").await;
    page.expect_path(&format!("/items/{}", batteries.id)).await;
    page.expect_texts(".on-hand .total b", &["41"]).await;
    page.click("#stock .stepper button[aria-label^='Add']")
        .await;
    page.expect("+1 AA batteries → 42").await;
    page.expect_texts(".on-hand .total b", &["42"]).await;
    page.press("History").await;
    page.expect_path(&format!("/items/{}/history", batteries.id))
        .await;
    page.expect_texts(
        "tbody td.change",
        &["+1", "+11", "−3", "−2", "−7", "−1", "+1", "+42"],
    )
    .await;
    page.expect_texts(
        "tbody td.balance",
        &["42", "41", "30", "33", "35", "42", "43", "42"],
    )
    .await;
    let row: Vec<String> = page
        .texts("tbody tr:nth-child(5) td")
        .await
        .into_iter()
        .skip(1)
        .collect();
    let told = [
        "Ana Ahlers",
        "−7",
        "35",
        "Shop floor",
        "Damaged",
        "Page",
        "fell off the shelf",
        "Undo",
    ];
    assert_eq!(row, told);
}

/// What the role may not do is not shown, and refused all the same.
async fn meets_closed_doors(stage: &Stage, batteries: TestItem) {
    let page = &stage.browser;
    let item = format!("/items/{}", batteries.id);
    let doors = "a[href='/items/new'], a[href='/enroll'], a[href$='/archive'], a[href*='tab=details'], \
                 form[action='/demo'], form[action$='/archive'], form[action$='/restore']";
    for path in ["/", item.as_str(), "/?archived=1"] {
        page.go(path).await;
        page.expect_count(doors, 0).await;
    }
    let (archive, details) = (format!("{item}/archive"), format!("{item}?tab=details"));
    for path in ["/enroll", "/items/new", archive.as_str(), details.as_str()] {
        page.go(path).await;
        page.expect("Status 403").await;
    }
    let ana = stage.client_as_browser().await;
    for path in [
        "/enroll",
        "/items",
        archive.as_str(),
        item.as_str(),
        "/demo",
    ] {
        assert_eq!(ana.post(path, &[]).await.status, 403, "POST {path}");
    }
}

/// After signing out neither Back nor the old cookie shows anything.
async fn leaves(stage: &Stage) {
    let page = &stage.browser;
    let old_cookie = stage.client_as_browser().await;
    page.go("/?q=batteries").await;
    assert_eq!(old_cookie.get("/").await.status, 200);
    page.click("header summary").await;
    page.press("Log out").await;
    page.expect_path("/login").await;
    page.go_back().await;
    page.expect("Sign in").await;
    page.expect_gone("AA batteries").await;
    for replica in &stage.site.replicas {
        let old_cookie = stage
            .client()
            .with_cookies(&old_cookie.cookies())
            .at(replica);
        let answer = eventually("the replica to have heard of it", async || {
            let answer = old_cookie.get("/").await;
            if answer.status == 303 {
                Ok(answer)
            } else {
                Err(answer.status)
            }
        })
        .await;
        assert!(answer.location.is_some_and(|to| to.starts_with("/login")));
        assert!(!answer.body.contains("AA batteries"));
    }
}

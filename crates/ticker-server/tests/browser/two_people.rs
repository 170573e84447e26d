//! Two people at one shelf.

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem, key};

use crate::harness::{Client, LATEST_MOVEMENT, Script, Stage, eventually, list, story};

#[tokio::test]
async fn two_people_with_script() {
    story("two-people-with-script", Script::On, at_one_shelf).await;
}

#[tokio::test]
async fn two_people_without_script() {
    story("two-people-without-script", Script::Off, at_one_shelf).await;
}

#[tokio::test]
async fn two_browsers_with_script() {
    story("two-browsers-with-script", Script::On, both_at_once).await;
}

#[tokio::test]
async fn two_browsers_without_script() {
    story("two-browsers-without-script", Script::Off, both_at_once).await;
}

async fn at_one_shelf(stage: &Stage) {
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    stage.db.user_named("bo", "Bo Bell", Role::Staff).await;
    let batteries = stage.db.item("AA batteries").stock(6).await;
    let fuse = stage.db.item("Fuse").stock(2).await;
    stage.browser.sign_in("ana", PASSWORD).await;
    let bo = stage.client().sign_in("bo", PASSWORD).await;
    the_true_number_comes_back(stage, &bo, batteries).await;
    nobody_takes_what_is_gone(stage, &bo, fuse).await;
    a_right_that_was_taken_away_is_gone(stage, batteries).await;
}

/// Each in a browser of their own, at the same rows at the same time: every press counts once, and the
/// history says whose it was.
async fn both_at_once(stage: &Stage) {
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    stage.db.user_named("bo", "Bo Bell", Role::Staff).await;
    let item = stage.db.item("AA batteries").stock(40).await;
    let (ana, bo) = (&stage.browser, stage.second_browser().await);
    tokio::join!(ana.sign_in("ana", PASSWORD), bo.sign_in("bo", PASSWORD));
    let (add, remove) = (format!("#add-{}", item.id), format!("#remove-{}", item.id));
    for _ in 0..3 {
        tokio::join!(ana.click(&add), bo.click(&remove));
        tokio::join!(
            ana.expect_count("[data-toast]", 1),
            bo.expect_count("[data-toast]", 1)
        );
        tokio::join!(ana.reload(), bo.reload());
    }
    for page in [ana, bo] {
        page.reload().await;
        list::expect_number(page, item.id, "40").await;
    }
    let moved = "select concat_ws(' ', username, sum(delta), count(*)) from movements \
        join postings on postings.id = posting_id join users on users.id = actor_id \
        where username <> 'storekeeper' group by username order by username";
    assert_eq!(stage.db.texts(moved).await, ["ana 3 3", "bo -3 3"]);
    bo.go(&format!("/items/{}/history", item.id)).await;
    for name in ["Ana Ahlers", "Bo Bell"] {
        bo.expect(name).await;
    }
}

/// Ana's page says 6; Bo takes 2; Ana takes 1 and sees 3.
async fn the_true_number_comes_back(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    list::expect_number(page, item.id, "6").await;
    take(bo, item, 2).await;
    page.click(&format!("#remove-{}", item.id)).await;
    page.expect("−1 AA batteries → 3").await;
    list::expect_number(page, item.id, "3").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana -1 4 3 adjusted page -"]
    );
}

/// Ana's page says 2; Bo takes both; Ana's press is refused in words, with the true number.
async fn nobody_takes_what_is_gone(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    list::expect_number(page, item.id, "2").await;
    take(bo, item, 2).await;
    page.click(&format!("#remove-{}", item.id)).await;
    page.expect("None left at Shop floor: Bo Bell took 2 just now.")
        .await;
    if page.script.is_on() {
        list::expect_number(page, item.id, "0").await;
        page.expect_count(&format!("#item-{}.is-out", item.id), 1)
            .await;
        page.expect_focus(&format!("remove-{}", item.id)).await;
    } else {
        page.expect_texts(".adjust-now b", &["0"]).await;
    }
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["bo -2 2 0 adjusted page -"]
    );
}

/// Ana's page is open; she is disabled; her next press changes nothing and offers the sign-in. Script keeps it
/// for when she has signed in.
async fn a_right_that_was_taken_away_is_gone(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    list::expect_number(page, item.id, "3").await;
    let disable = "update users set disabled_at = now(), auth_epoch = auth_epoch + 1 where username = 'ana'; \
         notify ticker_sessions";
    stage.db.sql(disable).await;
    page.click(&format!("#remove-{}", item.id)).await;
    if page.script.is_on() {
        page.expect("Not saved: AA batteries −1. You are signed out.")
            .await;
        page.expect_count(&format!("#item-{}.is-unsaved", item.id), 1)
            .await;
    } else {
        page.expect("This request was not carried out.").await;
    }
    page.press("Sign in").await;
    // The refused press says so, or the stream that ended first; they write the way back differently.
    eventually("the sign-in", async || {
        let path = page.path().await;
        if ["/login?next=/", "/login?next=%2F"].contains(&path.as_str()) {
            Ok(())
        } else {
            Err(path)
        }
    })
    .await;
    page.expect_gone("AA batteries").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["bo -2 2 0 adjusted page -"]
    );
}

async fn take(who: &Client, item: TestItem, quantity: i64) {
    let (key, quantity, home) = (
        key().0.to_string(),
        quantity.to_string(),
        item.home.to_string(),
    );
    let fields = [
        ("key", key.as_str()),
        ("location", &home),
        ("mode", "take"),
        ("quantity", &quantity),
    ];
    let answer = who
        .post(&format!("/items/{}/adjust", item.id), &fields)
        .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}

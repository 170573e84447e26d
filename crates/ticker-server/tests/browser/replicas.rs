//! Whichever replica answers, it is the same site: who is signed in, what is on hand, what was sent before.

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem, key};

use crate::harness::{LATEST_MOVEMENT, Script, Stage, eventually, list, story};

#[tokio::test]
async fn replicas_with_script() {
    story("replicas-with-script", Script::On, one_site).await;
}

#[tokio::test]
async fn replicas_without_script() {
    story("replicas-without-script", Script::Off, one_site).await;
}

async fn one_site(stage: &Stage) {
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    let item = stage.db.item("AA batteries").stock(40).await;
    stage.browser.sign_in("ana", PASSWORD).await;
    a_key_is_known_to_both(stage, item).await;
    signed_out_of_one_is_signed_out_of_both(stage).await;
    if stage.browser.script.is_on() {
        a_way_that_is_lost_and_found(stage, item).await;
    }
    one_that_dies_is_not_missed(stage, item).await;
}

/// The same form sent to each of them at once, and again: one movement, one answer.
async fn a_key_is_known_to_both(stage: &Stage, item: TestItem) {
    let [first, second] = &stage.site.replicas;
    let first = stage.client_as_browser().await.at(first);
    let second = stage.client_as_browser().await.at(second);
    let (path, key) = (format!("/items/{}/adjust", item.id), key().0.to_string());
    let fields = [("key", key.as_str()), ("delta", "-1"), ("return_to", "/")];
    let (one, other) = tokio::join!(first.post(&path, &fields), second.post(&path, &fields));
    let again = second.post(&path, &fields).await;
    for answer in [one, other, again] {
        assert_eq!(answer.status, 303, "{}", answer.body);
    }
    let taken = format!(
        "select sum(delta) from movements where item_id = {} and delta < 0",
        item.id
    );
    assert_eq!(stage.db.texts(&taken).await, ["-1"]);
}

/// As soon as the one has told the other, which takes no longer than a hint does.
async fn signed_out_of_one_is_signed_out_of_both(stage: &Stage) {
    let [first, second] = &stage.site.replicas;
    let at_first = stage.client().at(first).sign_in("ana", PASSWORD).await;
    let at_second = stage.client().with_cookies(&at_first.cookies()).at(second);
    assert_eq!(at_second.get("/").await.status, 200, "signed in to both");
    assert_eq!(at_first.post("/logout", &[]).await.status, 303);
    assert_eq!(at_first.get("/").await.status, 303);
    eventually("the other replica to have heard of it", async || {
        let answer = at_second.get("/").await;
        if answer.status == 303 {
            Ok(())
        } else {
            Err(answer.status)
        }
    })
    .await;
}

/// While nobody can reach the site, a press is not lost: it is said, and goes out once the way is there again.
async fn a_way_that_is_lost_and_found(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    list::expect_number(page, item.id, "39").await;
    stage.site.front.shut();
    page.click(&format!("#remove-{}", item.id)).await;
    page.expect("Not saved: AA batteries").await;
    stage.site.front.open();
    list::retry(page, item.id).await;
    list::expect_number(page, item.id, "38").await;
    page.expect_gone("Not saved").await;
    page.click(&format!("#add-{}", item.id)).await;
    list::expect_number(page, item.id, "39").await;
}

/// The page that is open goes on with the one that is left.
async fn one_that_dies_is_not_missed(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    list::expect_number(page, item.id, "39").await;
    stage.site.replicas[0].kill();
    for number in ["40", "41"] {
        page.click(&format!("#add-{}", item.id)).await;
        list::expect_number(page, item.id, number).await;
        page.expect(&format!("+1 AA batteries → {number}")).await;
    }
    page.reload().await;
    list::expect_number(page, item.id, "41").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana 1 40 41 adjusted page -"]
    );
}

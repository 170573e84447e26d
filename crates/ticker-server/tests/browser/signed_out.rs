//! A session that ends while something is on its way: nothing is thrown away, and nothing is done twice.

use thirtyfour::Key;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{Script, Stage, list, story};

const BATTERIES: &str = "4006381333931";

#[tokio::test]
async fn signed_out() {
    story("signed-out", Script::On, async |stage| {
        stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
        let item = stage.db.item("AA batteries").barcode(BATTERIES);
        let item = item.stock(40).await;
        stage.browser.sign_in("ana", PASSWORD).await;
        scans_wait_for_signing_in(stage, item).await;
        a_press_whose_answer_was_lost_counts_once(stage, item).await;
        a_form_keeps_what_was_typed(stage, item).await;
        a_form_that_is_refused_keeps_it_too(stage, item).await;
    })
    .await;
}

/// Scanned while there was no connection, which came back after the session had ended.
async fn scans_wait_for_signing_in(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/scan?mode=add").await;
    page.expect_focus("code").await;
    page.set_offline(true).await;
    let enter = Key::Enter.value();
    for _ in 0..3 {
        page.type_keys(format!("{BATTERIES}{enter}")).await;
    }
    page.expect("Not saved yet: no connection.").await;
    page.expect_count(".scan.is-waiting", 2).await;
    end_sessions(stage).await;
    page.set_offline(false).await;
    page.expect("Not saved yet: you are signed out.").await;
    page.expect_count(".scan.is-waiting", 2).await;
    page.expect_gone("Not counted.").await;
    sign_in_again(stage).await;
    page.expect_count(".scan.is-waiting", 0).await;
    page.expect_texts(".scan .what", &["+2 AA batteries", "+1 AA batteries"])
        .await;
    assert_eq!(total(stage, item).await, ["43"]);
}

/// The press is in the ledger, and whoever pressed does not know.
async fn a_press_whose_answer_was_lost_counts_once(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    let mut writes_wait = stage.db.database().begin().await.unwrap();
    writes_wait.items().hold_off_writes().await.unwrap();
    page.click(&format!("#add-{}", item.id)).await;
    stage.db.until_blocked(1).await;
    stage.site.front.shut();
    writes_wait.commit().await.unwrap();
    page.expect("Not saved: AA batteries +1").await;
    let posted = format!("select 1 from items where id = {} and total = 44", item.id);
    stage.db.until(&posted, 1).await;
    end_sessions(stage).await;
    stage.site.front.open();
    page.expect("Not saved: AA batteries +1. You are signed out.")
        .await;
    page.expect_gone("othing was changed").await;
    sign_in_again(stage).await;
    page.expect("+1 AA batteries → 44").await;
    list::expect_number(page, item.id, "44").await;
    page.expect_answer("return Object.keys(localStorage).length", 0)
        .await;
    assert_eq!(total(stage, item).await, ["44"]);
}

/// Whatever it is refused for, what was typed does not go with the dialog.
async fn a_form_that_is_refused_keeps_it_too(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    list::open_adjust(page, item.id).await;
    page.fill("Quantity", "6").await;
    page.run("document.querySelector('#sheet [name=location]').value = '999999'")
        .await;
    page.press("Save").await;
    page.expect_texts(
        "#sheet .problems",
        &["That address or form is wrong. There is no such location."],
    )
    .await;
    assert_eq!(page.value("Quantity").await, "6");
}

/// It can be saved from where it stands, once one has signed in beside it.
async fn a_form_keeps_what_was_typed(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    list::open_adjust(page, item.id).await;
    page.fill("Quantity", "6").await;
    page.fill("Note (optional)", "from the van").await;
    end_sessions(stage).await;
    page.press("Save").await;
    page.expect("Not saved: you are signed out.").await;
    assert_eq!(page.value("Note (optional)").await, "from the van");
    let beside = stage.client().sign_in("ana", PASSWORD).await;
    page.take_cookies(&beside.cookies()).await;
    page.press("Save").await;
    page.expect("+6 AA batteries → 50").await;
    page.expect_count("dialog[open]", 0).await;
    let note = "select note from postings order by id desc limit 1";
    assert_eq!(stage.db.texts(note).await, ["from the van"]);
}

/// Somebody ends all of Ana's sessions; every replica has heard of it.
async fn end_sessions(stage: &Stage) {
    let end = "update users set auth_epoch = auth_epoch + 1 where username = 'ana'; notify ticker_sessions";
    stage.db.sql(end).await;
}

/// By the link that is shown, and back to where one was.
async fn sign_in_again(stage: &Stage) {
    let page = &stage.browser;
    let path = page.path().await;
    page.press("Sign in").await;
    page.fill("Username", "ana").await;
    page.fill("Password", PASSWORD).await;
    page.click("main button[type=submit]").await;
    page.expect_path(&path).await;
}

async fn total(stage: &Stage, item: TestItem) -> Vec<String> {
    let total = format!("select total from items where id = {}", item.id);
    stage.db.texts(&total).await
}

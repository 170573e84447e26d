//! What others do at another replica, seen as it happens, and what becomes of the stream that tells it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem, key};

use crate::harness::{Browser, Client, Script, Stage, list, story};

#[tokio::test]
async fn live_across_replicas() {
    story("live-across-replicas", Script::On, async |stage| {
        let item = open_the_shop(stage).await;
        let fuse = stage.db.item("Fuse").stock(9).await;
        stage.browser.reload().await;
        let bo = across(stage).await;
        rows_follow(stage, &bo, item, fuse).await;
        focus_and_place_are_kept(stage, &bo, item).await;
        both_press_at_once(stage, item).await;
    })
    .await;
}

#[tokio::test]
async fn live_line() {
    story("live-line", Script::On, async |stage| {
        let item = open_the_shop(stage).await;
        a_line_that_is_lost_and_found(stage, item).await;
        a_replica_that_dies(stage, item).await;
        a_stream_that_made_room_stays_away(stage).await;
        a_stream_that_comes_to_nothing_is_asked_for_less(stage).await;
    })
    .await;
}

#[tokio::test]
async fn live_until_signed_out() {
    story("live-until-signed-out", Script::On, async |stage| {
        open_the_shop(stage).await;
        a_session_that_ends_elsewhere(stage).await;
    })
    .await;
}

/// Ana looks at the list.
async fn open_the_shop(stage: &Stage) -> TestItem {
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    stage.db.user_named("bo", "Bo Bell", Role::Staff).await;
    let item = stage.db.item("AA batteries").stock(40).await;
    stage.browser.sign_in("ana", PASSWORD).await;
    stage.browser.expect_path("/").await;
    item
}

/// Bo, at the replica that Ana's stream does not come from.
async fn across(stage: &Stage) -> Client {
    is_live(&stage.browser).await;
    let replica = stage.site.replica_of_last("GET /live");
    let other = &stage.site.replicas[1 - replica];
    stage.client().at(other).sign_in("bo", PASSWORD).await
}

/// The number changes by itself and says who it was; one's own presses do not. How soon is told and not judged:
/// both ends share two cores with everything else, and `cargo xtask bench live` measures it.
async fn rows_follow(stage: &Stage, bo: &Client, item: TestItem, other: TestItem) {
    let page = &stage.browser;
    let mut delays = Vec::new();
    for number in ["38", "36", "34", "32", "30"] {
        page.run(&watch_number(item)).await;
        let taken = take(bo, item, 2).await;
        list::expect_number(page, item.id, number).await;
        page.expect_texts(&format!("#item-{} .by", item.id), &["Bo −2"])
            .await;
        delays.push(seen_at(page).await.saturating_sub(taken));
    }
    delays.sort();
    println!("after the answer to the press, another screen shows it within {delays:?}");
    page.click(&format!("#add-{}", item.id)).await;
    page.expect("+1 AA batteries → 31").await;
    list::expect_number(page, item.id, "31").await;
    // The own event has come when one that is later has.
    take(bo, other, 1).await;
    page.expect_texts(&format!("#item-{} .by", other.id), &["Bo −1"])
        .await;
    page.expect_count(&format!("#item-{} .by", item.id), 0)
        .await;
}

/// Notes when the number changes next.
fn watch_number(item: TestItem) -> String {
    format!(
        "window.seenAt = null; const number = document.querySelector('#item-{} [data-quantity]'); \
         const seen = new MutationObserver(() => {{ window.seenAt ??= performance.timeOrigin + performance.now(); seen.disconnect(); }}); \
         seen.observe(number, {{ childList: true, characterData: true, subtree: true }})",
        item.id
    )
}

async fn seen_at(page: &Browser) -> Duration {
    let at = page.run("return window.seenAt").await;
    Duration::from_secs_f64(at.as_f64().expect("the number has changed") / 1000.0)
}

/// What has the focus keeps it, and what is pointed at stays where it is, while a row changes around it.
async fn focus_and_place_are_kept(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    let button = format!("add-{}", item.id);
    let place = format!(
        "const at = document.getElementById('{button}').getBoundingClientRect(); return [at.x, at.y, at.width, at.height].join()"
    );
    page.prefer_still().await;
    page.run(&format!("document.getElementById('{button}').focus()"))
        .await;
    let before = page.run(&place).await;
    take(bo, item, 1).await;
    list::expect_number(page, item.id, "30").await;
    page.expect_texts(&format!("#item-{} .by", item.id), &["Bo −1"])
        .await;
    page.expect_focus(&button).await;
    assert_eq!(
        page.run(&place).await,
        before,
        "the button under the pointer"
    );
    let moving = "return document.getAnimations().length";
    assert_eq!(
        page.run(moving).await,
        0,
        "nothing moves for who wants it still"
    );
}

/// Two browsers, three presses each: both screens end with the truth, without a reload.
async fn both_press_at_once(stage: &Stage, item: TestItem) {
    let (ana, bo) = (&stage.browser, stage.second_browser().await);
    let before = stage
        .db
        .texts("select max(id) from postings")
        .await
        .concat();
    bo.sign_in("bo", PASSWORD).await;
    tokio::join!(is_live(ana), is_live(bo));
    let (add, remove) = (format!("#add-{}", item.id), format!("#remove-{}", item.id));
    for _ in 0..3 {
        tokio::join!(ana.click(&add), bo.click(&remove));
    }
    ana.click(&add).await;
    for page in [ana, bo] {
        list::expect_number(page, item.id, "31").await;
    }
    let moved = format!(
        "select concat_ws(' ', username, sum(delta)) from movements \
         join postings on postings.id = posting_id join users on users.id = actor_id \
         where postings.id > {before} group by username order by username"
    );
    assert_eq!(stage.db.texts(&moved).await, ["ana 4", "bo -3"]);
}

/// While nobody can reach the site the page says so; afterwards it shows what it has missed.
async fn a_line_that_is_lost_and_found(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    let bo = across(stage).await;
    stage.site.front.shut();
    page.expect_texts("#live", &["Reconnecting, numbers may be old"])
        .await;
    take(&bo, item, 3).await;
    assert_eq!(
        page.texts(&format!("#item-{} [data-quantity]", item.id))
            .await,
        ["40"]
    );
    stage.site.front.open();
    list::expect_number(page, item.id, "37").await;
    is_live(page).await;
}

/// The stream goes on from another replica, and nothing was missed.
async fn a_replica_that_dies(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    let bo = across(stage).await;
    let streams = stage.site.count_asked("GET /live");
    stage.site.replicas[stage.site.replica_of_last("GET /live")].kill();
    take(&bo, item, 3).await;
    list::expect_number(page, item.id, "34").await;
    is_live(page).await;
    assert!(
        stage.site.count_asked("GET /live") > streams,
        "another stream"
    );
}

/// Ten newer screens of Ana's take the places at the replica: the oldest does not drive the next one out.
async fn a_stream_that_made_room_stays_away(stage: &Stage) {
    let page = &stage.browser;
    page.go("/").await;
    is_live(page).await;
    page.put_on_wire().await;
    is_live(page).await;
    let replica = &stage.site.replicas[stage.site.replica_of_last("GET /live")];
    let ana = stage.client_as_browser().await.at(replica);
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(ana.open_stream().await);
    }
    page.expect_heard("retry: 30000").await;
    page.expect_texts("#live", &["Reconnecting, numbers may be old"])
        .await;
    page.expect_wait(22_500..37_500).await;
}

/// A proxy that cuts every stream right behind its head is not asked once a second.
async fn a_stream_that_comes_to_nothing_is_asked_for_less(stage: &Stage) {
    let page = &stage.browser;
    page.go("/").await;
    is_live(page).await;
    page.put_on_wire().await;
    page.end_streams_behind(": live\nretry: 1000\n\n").await;
    for wait in [750..1_250, 1_500..2_500, 3_000..5_000] {
        page.expect_wait(wait).await;
    }
}

/// Somebody takes Ana's rights away: her page says so at once and does not ask again.
async fn a_session_that_ends_elsewhere(stage: &Stage) {
    let page = &stage.browser;
    is_live(page).await;
    let streams = stage.site.count_asked("GET /live");
    let disable = "update users set disabled_at = now(), auth_epoch = auth_epoch + 1 where username = 'ana'; \
         notify ticker_sessions";
    stage.db.sql(disable).await;
    page.expect("You are signed out here.").await;
    page.expect_count("#live[data-state='ended']", 1).await;
    // Whoever asks again has begun to before this comes.
    let longer = "window.isLater = false; setTimeout(() => (window.isLater = true), 1500)";
    page.run(longer).await;
    page.expect_answer("return window.isLater", true).await;
    page.press("Sign in").await;
    page.expect_path("/login?next=%2F").await;
    assert_eq!(
        stage.site.count_asked("GET /live"),
        streams,
        "it did not ask again"
    );
}

async fn is_live(page: &Browser) {
    page.expect_texts("#live", &["Live"]).await;
}

/// Returns when it was answered.
async fn take(who: &Client, item: TestItem, quantity: i64) -> Duration {
    change(who, item, -quantity).await
}

async fn change(who: &Client, item: TestItem, delta: i64) -> Duration {
    let (key, delta) = (key().0.to_string(), delta.to_string());
    let fields = [("key", key.as_str()), ("delta", delta.as_str())];
    let answer = who
        .post(&format!("/items/{}/adjust", item.id), &fields)
        .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock of this century")
}

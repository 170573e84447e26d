//! Somebody who decides who may do what, and whom they let in.

use ticker_domain::user::Role;
use ticker_testkit::PASSWORD;

use crate::harness::{PEOPLE, Script, Stage, story};

const SUBMIT: &str = "form[action='/enroll'] button[type='submit']";
const OWN_PASSWORD: &str = "an acre of wet thistles";

#[tokio::test]
async fn admin_with_script() {
    story("admin-with-script", Script::On, a_new_colleague).await;
}

#[tokio::test]
async fn admin_without_script() {
    story("admin-without-script", Script::Off, a_new_colleague).await;
}

async fn a_new_colleague(stage: &Stage) {
    stage.db.user_named("ada", "Ada Admin", Role::Admin).await;
    stage.db.item("Zip ties").stock(5).await;
    stage.browser.sign_in("ada", PASSWORD).await;
    let password = enrolls(stage).await;
    takes_a_name_that_is_taken(stage).await;
    signs_out(stage).await;
    must_choose_a_password(stage, &password).await;
    works_under_it(stage, &password).await;
}

/// With a password that was made; it is shown this once, and a reload enrolls nobody else.
async fn enrolls(stage: &Stage) -> String {
    let page = &stage.browser;
    page.go("/").await;
    page.press("Enroll").await;
    page.expect_path("/enroll").await;
    page.fill("Username", "carl").await;
    page.fill("Display name", "Carl Carlson").await;
    page.pick("Manager").await;
    let made = page.texts("#made").await.concat();
    assert!(made.chars().count() >= 12, "a password was made: {made:?}");
    page.click(SUBMIT).await;
    page.expect("Carl Carlson is enrolled").await;
    page.expect_texts("#generated", &[&made]).await;
    page.reload().await;
    page.expect_texts("#generated", &[&made]).await;
    let enrolled = "select concat_ws(' ', username, role, must_change_password) from users where username = 'carl'";
    assert_eq!(stage.db.texts(enrolled).await, ["carl manager t"]);
    page.go("/enroll").await;
    page.expect("Enroll someone").await;
    page.expect_gone(&made).await;
    assert!(!stage.site.log().contains(&made), "no password is logged");
    made
}

/// The field is named and everything else stays, except what was typed as a password.
async fn takes_a_name_that_is_taken(stage: &Stage) {
    let page = &stage.browser;
    page.fill("Username", "Carl").await;
    page.fill("Display name", "Another Carl").await;
    page.pick("Admin").await;
    page.pick("Type one").await;
    page.fill("Typed password", OWN_PASSWORD).await;
    page.pick("Ask them to choose their own at first sign-in")
        .await;
    page.click(SUBMIT).await;
    page.expect("Username is taken by somebody else").await;
    page.expect_count("#username[aria-invalid='true']", 1).await;
    assert_eq!(page.value("Username").await, "Carl");
    assert_eq!(page.value("Display name").await, "Another Carl");
    assert_eq!(page.value("Typed password").await, "");
    page.expect_count("input[name='role'][value='admin']:checked", 1)
        .await;
    page.expect_count("input[name='password_choice'][value='typed']:checked", 1)
        .await;
    page.expect_count("input[name='must_change_password']:checked", 0)
        .await;
    page.fill("Username", "cora").await;
    page.fill("Typed password", "short").await;
    page.click(SUBMIT).await;
    page.expect_count("#password[aria-invalid='true']", 1).await;
    assert_eq!(page.value("Username").await, "cora");
    assert_eq!(stage.db.texts(PEOPLE).await, ["ada", "carl"]);
}

async fn signs_out(stage: &Stage) {
    stage.browser.click("header summary").await;
    stage.browser.press("Log out").await;
    stage.browser.expect_path("/login").await;
}

/// Everything leads to the page where it is changed, until it is.
async fn must_choose_a_password(stage: &Stage, given: &str) {
    let page = &stage.browser;
    page.sign_in("carl", given).await;
    page.expect_path("/account/password").await;
    page.expect("given to you by somebody else").await;
    for path in ["/", "/items/new", "/items/1", "/enroll", "/items/1/adjust"] {
        page.go(path).await;
        page.expect_path("/account/password").await;
    }
    let carl = stage.client_as_browser().await;
    let refused = carl.post("/items/1/adjust", &[("delta", "1")]).await;
    assert!(
        [303, 403].contains(&refused.status),
        "not before: {}",
        refused.status
    );
    for (current, new, repeated, problem) in [
        (
            "not the given one",
            OWN_PASSWORD,
            OWN_PASSWORD,
            "Current password is wrong",
        ),
        (
            given,
            OWN_PASSWORD,
            "an acre of dry thistles",
            "New password again must be the same",
        ),
        (
            given,
            given,
            given,
            "New password must not be the current one",
        ),
        (given, "carl", "carl", "New password must be"),
    ] {
        fill_passwords(stage, current, new, repeated).await;
        page.expect(problem).await;
        assert_eq!(page.value("Current password").await, "");
    }
    fill_passwords(stage, given, OWN_PASSWORD, OWN_PASSWORD).await;
    page.expect("Password changed").await;
    page.expect_path("/").await;
}

async fn fill_passwords(stage: &Stage, current: &str, new: &str, repeated: &str) {
    let page = &stage.browser;
    page.fill("Current password", current).await;
    page.fill("New password", new).await;
    page.fill("New password again", repeated).await;
    page.press("Change password").await;
}

/// What the role may is open now, and the given password opens nothing any more.
async fn works_under_it(stage: &Stage, given: &str) {
    let page = &stage.browser;
    page.press("Add item").await;
    page.expect_path("/items/new").await;
    signs_out(stage).await;
    page.fill("Username", "carl").await;
    page.fill("Password", given).await;
    page.press("Sign in").await;
    page.expect("Username or password is wrong.").await;
    page.sign_in("carl", OWN_PASSWORD).await;
    page.expect_path("/").await;
}

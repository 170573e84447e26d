//! The list on a telephone: how soon it begins, and what stays in reach.

use serde_json::json;
use ticker_domain::user::Role;
use ticker_testkit::PASSWORD;

use crate::harness::{Browser, Script, Stage, list, story};
use crate::layout::SIZES;

const NAME: &str = "Cable ties, black, weatherproof, 4.8 × 200 mm, in a bag of one hundred";

#[tokio::test]
async fn telephone_with_script() {
    story("telephone-with-script", Script::On, at_the_shelf).await;
}

#[tokio::test]
async fn telephone_without_script() {
    story("telephone-without-script", Script::Off, at_the_shelf).await;
}

async fn at_the_shelf(stage: &Stage) {
    stage.db.user_named("mia", "Mia Maier", Role::Manager).await;
    for number in 0..30 {
        let name = format!("{NAME} {number:02}");
        let item = stage.db.item(&name).category("Ties").home("Shed");
        item.stock(5).await;
    }
    stage.db.location("Loft").await;
    let page = &stage.browser;
    page.sign_in("mia", PASSWORD).await;
    headers_are_low(page).await;
    let (width, height) = SIZES[2];
    page.resize(width, height).await;
    the_list_begins_soon(page).await;
    what_is_chosen_stays_in_sight(page).await;
    the_search_stays_in_sight(page).await;
    a_message_covers_nothing_for_good(page).await;
}

/// Two lines at most, whatever the width, with everything in them.
async fn headers_are_low(page: &Browser) {
    let header = "return document.querySelector('header').getBoundingClientRect().height";
    for ((width, height), most) in SIZES.into_iter().zip([65.0, 113.0, 101.0]) {
        page.resize(width, height).await;
        page.go("/").await;
        let high = page.run(header).await;
        let high = high.as_f64().expect("a number");
        assert!(high <= most, "{high} px at {width}");
        for way in ["Inventory", "Scan", "Locations", "Categories"] {
            page.expect(way).await;
        }
    }
}

async fn the_list_begins_soon(page: &Browser) {
    page.go("/").await;
    let first = "return document.querySelector('tbody tr').getBoundingClientRect().top < 330";
    page.expect_answer(first, true).await;
}

/// The choices are folded away, but for those that are not as usual.
async fn what_is_chosen_stays_in_sight(page: &Browser) {
    let chosen = "return [...document.querySelectorAll('.toolbar select')].filter(e => e.checkVisibility()).map(e => e.id)";
    page.go("/").await;
    page.expect_answer(chosen, json!([])).await;
    page.press("Filters").await;
    let all = json!(["category", "location", "sort", "dir"]);
    page.expect_answer(chosen, all).await;
    list::narrow(page, "Category", "Ties").await;
    page.expect("Clear").await;
    page.go("/?category=1&sort=quantity").await;
    page.expect_answer(chosen, json!(["category", "sort"]))
        .await;
}

/// One tap away, however far the list was scrolled.
async fn the_search_stays_in_sight(page: &Browser) {
    page.go("/").await;
    page.run("document.querySelector('tbody tr:nth-child(20)').scrollIntoView()")
        .await;
    let search = "const { top, bottom } = document.getElementById('q').getBoundingClientRect(); \
         return [scrollY > 1000, top >= 0, bottom < 60]";
    page.expect_answer(search, json!([true, true, true])).await;
}

/// It is short, says the number, and the last row can be scrolled clear of it.
async fn a_message_covers_nothing_for_good(page: &Browser) {
    page.click("tbody tr:last-child .stepper button[aria-label^='Add']")
        .await;
    page.expect_count("[data-toast]", 1).await;
    page.run("scrollTo(0, document.scrollingElement.scrollHeight)")
        .await;
    let lines = "const text = document.querySelector('[data-toast] .text'); \
         const rest = text.querySelector('.rest'); \
         return [text.clientHeight < 60, rest.innerText, rest.scrollWidth <= rest.clientWidth]";
    page.expect_answer(lines, json!([true, "→ 6 at Shed", true]))
        .await;
    let clear = "const toast = document.querySelector('[data-toast]').getBoundingClientRect(); \
         const end = document.querySelector('.size select').getBoundingClientRect(); \
         return end.bottom <= toast.top";
    page.expect_answer(clear, true).await;
}

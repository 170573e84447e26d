//! What a person does on the inventory's list, where script changes how it is done.

use thirtyfour::Key;
use ticker_domain::id::ItemId;

use super::browser::Browser;

/// Searches; without script Enter sends the search off.
pub(crate) async fn search(page: &Browser, words: &str) {
    page.fill("Search items by name, SKU or barcode", words)
        .await;
    if !page.script.is_on() {
        page.type_keys(Key::Enter.value().to_string()).await;
    }
}

/// Filters; without script it has to be applied.
pub(crate) async fn narrow(page: &Browser, filter: &str, choice: &str) {
    page.choose(filter, choice).await;
    if !page.script.is_on() {
        page.press("Apply").await;
    }
}

/// Waits until the list has these rows, by name.
#[track_caller]
pub(crate) fn expect(page: &Browser, names: &[&str]) -> impl Future<Output = ()> {
    page.expect_texts("tbody th.name", names)
}

/// Waits until an item's row has this number, and the server has confirmed it.
#[track_caller]
pub(crate) fn expect_number(
    page: &Browser,
    item: ItemId,
    number: &str,
) -> impl Future<Output = ()> {
    page.expect_answer(
        format!(
            "const row = document.getElementById('item-{item}'); \
             return row.matches('.is-pending, .is-unsaved') ? 'not saved' \
             : row.querySelector('[data-quantity]').innerText"
        ),
        number,
    )
}

/// Presses Retry, unless it has been tried again by itself in that very moment, and waits until it is saved.
pub(crate) async fn retry(page: &Browser, item: ItemId) {
    let retry = "document.querySelector('.note-toast.is-error [data-act]')?.click()";
    page.run(retry).await;
    page.expect_count(
        &format!("#item-{item}.is-unsaved, #item-{item}.is-pending"),
        0,
    )
    .await;
}

/// Opens the form for any amount: a dialog with script, a page without.
pub(crate) async fn open_adjust(page: &Browser, item: ItemId) {
    page.click(&format!("#item-{item} a.quantity")).await;
    // A dialog that was closed keeps the form that it had.
    let form = if page.script.is_on() {
        "dialog[open] #adjust-form"
    } else {
        "#adjust-form"
    };
    page.expect_count(form, 1).await;
}

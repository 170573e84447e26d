//! Names that look like markup are names: shown as typed on every page, and nothing of them is run.
//! On the way, every page is held against the content security policy and searched for inline code.

use serde_json::json;
use ticker_domain::id::ItemId;
use ticker_domain::user::Role;
use ticker_testkit::{TestDatabase, key};

use crate::harness::{Browser, Script, Stage, Theme, list, story};
use crate::layout::nothing_sticks_out;
use crate::pages::{Sights, tour};

const MARKUP: &str = "<script>alert(1)</script><img src=x id=planted onerror=alert(2)>";
const ATTRIBUTE: &str = "\" onmouseover=\"alert(3)\" id=\"planted\" autofocus onfocus='alert(4)";

#[tokio::test]
async fn hostile_names_with_script() {
    story("hostile-names-with-script", Script::On, shown_as_typed).await;
}

#[tokio::test]
async fn hostile_names_without_script() {
    story("hostile-names-without-script", Script::Off, shown_as_typed).await;
}

async fn shown_as_typed(stage: &Stage) {
    let page = &stage.browser;
    a_violation_would_be_noticed(page).await;
    let sights = hostile_shop(&stage.db).await;
    tour(stage, &sights, async |name| {
        for theme in Theme::BOTH {
            page.prefer(theme).await;
            nothing_ran(page, name).await;
        }
        nothing_is_inline(page, name).await;
        nothing_is_from_elsewhere(page, name).await;
        page.resize(360, 740).await;
        nothing_sticks_out(page, name, 360).await;
        page.resize(1440, 900).await;
    })
    .await;
    let longest = longest_name();
    let mut names: Vec<&str> = LISTED.into();
    names.push(&longest);
    page.go("/?sort=id").await;
    list::expect(page, &names).await;
}

/// The list's names in the order of adding, as people see them.
const LISTED: [&str; 7] = [
    MARKUP,
    ATTRIBUTE,
    "Nuts & Bolts",
    "Nuts &amp; Bolts",
    "עט כדורי (כחול) 0.7",
    "{{ 7*7 }} ${7*7} <%= 7*7 %>",
    "javascript:alert(5)",
];

/// As long as a name can be, and without a place to break it.
fn longest_name() -> String {
    "W".repeat(200)
}

async fn hostile_shop(db: &TestDatabase) -> Sights {
    let named = [
        MARKUP,
        "<b>SKU</b>",
        "<i>Tools</i> & \"more\"",
        "</td><script>alert(6)</script>",
        "<u>box</u>",
    ];
    let item = db
        .item(named[0])
        .sku(named[1])
        .category(named[2])
        .home(named[3])
        .unit(named[4]);
    let item = item
        .barcode("\"'><svg/onload=alert(7)>")
        .thresholds(1, 5, 2)
        .stock(4)
        .await;
    for name in &LISTED[1..] {
        db.item(name)
            .category("'\"><script>alert(8)</script>")
            .stock(2)
            .await;
    }
    db.item(&longest_name())
        .sku(&"S".repeat(64))
        .unit("unitunitunitunitunit")
        .await;
    let archived = db.item(&format!("{MARKUP} archived")).archived().await;
    noted(db, item.id).await;
    Sights {
        item: item.id,
        named: named.map(str::to_owned),
        archived: archived.id,
        admin_name: "<script>alert(9)</script> \" onclick=\"alert(10)".to_owned(),
    }
}

/// A movement with a note, by somebody with a name.
async fn noted(db: &TestDatabase, item: ItemId) {
    use ticker_app::stock::AdjustStock;
    use ticker_domain::ledger::{LevelId, Line, Note, Reason, Source};
    use ticker_domain::permission::StockAdjust;

    let by = db
        .user_named("eve", "<img src=x onerror=alert(11)>", Role::Staff)
        .await;
    let location = db.location("</td><script>alert(6)</script>").await;
    let adjust = AdjustStock {
        key: key(),
        line: Line::change(LevelId { item, location }, 1).expect("a change"),
        reason: Reason::Found,
        note: Some(Note::parse("</table><script>alert(12)</script>").expect("a note")),
        source: Source::Page,
    };
    db.app()
        .adjust_stock(&by.grant::<StockAdjust>(), adjust)
        .await
        .expect("a movement");
}

/// The control: a page with this policy and inline code leaves complaints.
async fn a_violation_would_be_noticed(page: &Browser) {
    let address = "data:text/html,<meta http-equiv=content-security-policy content=\"default-src 'none'\">\
         <p style=color:red>x</p><script>1</script>";
    page.go_elsewhere(address).await;
    let complaints = page.complaints().await;
    let noticed = |what: &str| complaints.iter().any(|line| line.contains(what));
    assert!(noticed("style"), "{complaints:?}");
    assert!(noticed("script") || !page.script.is_on(), "{complaints:?}");
}

/// No dialog stands in the way (no script would answer), nothing was planted, the console is quiet.
async fn nothing_ran(page: &Browser, name: &str) {
    let planted = "return document.querySelectorAll('body script, #planted, [onload], [onerror], [onmouseover]').length";
    assert_eq!(page.run(planted).await, 0, "{name}");
    assert_eq!(page.complaints().await, Vec::<String>::new(), "{name}");
}

/// As the server sent it, the page has no inline script or style and no handler in an attribute.
async fn nothing_is_inline(page: &Browser, name: &str) {
    let script = "const found = []; \
         for (const e of document.querySelectorAll('*')) { \
           if (e.tagName === 'STYLE' || (e.tagName === 'SCRIPT' && !e.src)) found.push(e.outerHTML); \
           for (const { name, value } of e.attributes) { \
             if (/^(on|style$|hx-on|hx-vars|data-hx-on|srcdoc$)/.test(name) || (/^(href|src|action|formaction|hx-)/.test(name) && /^\\s*(javascript|js):/i.test(value))) \
               found.push(`${e.tagName} ${name}=${value}`); } } \
         return found";
    // What script adds is no business of the policy's: without script, this is the page as it was sent.
    if !page.script.is_on() {
        assert_eq!(page.run(script).await, json!([]), "{name}");
    }
}

/// Neither does the page load anything from another origin, nor does it try to.
async fn nothing_is_from_elsewhere(page: &Browser, name: &str) {
    let script = "return performance.getEntriesByType('resource').map(({ name }) => name) \
         .filter(name => !name.startsWith(location.origin + '/') && !name.startsWith('data:'))";
    assert_eq!(page.run(script).await, json!([]), "{name}");
}

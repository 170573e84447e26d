//! Nonsense in every field and every parameter: refused or taken, but never a failure of ours.

use http::{Method, StatusCode};
use ticker_domain::user::Role;
use ticker_testkit::TestItem;

use crate::app::{Answer, Browser, TestApp};
use crate::input::{path, routes};

/// Every field of every form.
const FIELDS: &str = "username password next name sku barcode unit category home_location minimum \
    target reorder_multiple quantity key location mode delta counted reason note seen_version \
    seen_on_hand return_to view_location version role display_name password_choice \
    generated_password must_change_password current new repeat into by to set_category action item ready all";

/// Every parameter of every address.
const PARAMS: &str = "q category location status archived sort dir after before size tab next \
    return_to view_location item from to into";

/// What ± one around every limit is.
const NUMBERS: &str = "0 -0 -1 +1 01 1.5 1e400 NaN infinity 1000000000 1000000001 -1000000000 \
    -1000000001 1000000000000 1000000000001 9223372036854775807 9223372036854775808 \
    -9223372036854775808 -9223372036854775809 99999999999999999999999999 \
    1.9223372036854775807 9223372036854775807.1 1.x";

/// What texts have done to others.
const TEXTS: [&str; 28] = [
    "",
    " ",
    "\0",
    "a\0b",
    "\u{202e}evil",
    "\u{200b}",
    "\u{feff}",
    "a\nb",
    "a\r\nb",
    "\t",
    "<script>alert(1)</script>",
    "\" autofocus onfocus=\"alert(1)",
    "'; drop table items; --",
    "%",
    "_",
    "\\",
    "%00",
    "../../etc/passwd",
    "{{7*7}}",
    "=cmd|'/c calc'!A1",
    "//evil.example",
    "\u{1f480}",
    "e\u{301}",
    "ﷺ",
    "00000000-0000-0000-0000-000000000000",
    "not-a-uuid",
    "true",
    "on",
];

fn values() -> Vec<String> {
    let long = [
        "a".repeat(201),
        "a".repeat(1_500),
        "\u{1f480}".repeat(300),
        "9".repeat(1_500),
    ];
    let short = NUMBERS.split(' ').chain(TEXTS).map(str::to_owned);
    short.chain(long).collect()
}

fn encode(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

fn check(answer: &Answer, case: &str) {
    assert!(!answer.status.is_server_error(), "{case}: {answer:?}");
    for script in ["<script>alert", "\" onfocus="] {
        assert!(!answer.text().contains(script), "{case}: {}", answer.text());
    }
}

#[tokio::test]
async fn no_form_makes_us_fail() {
    let app = TestApp::new().await;
    let admin = app.db.user(Role::Admin).await;
    let item = app.db.item("AA batteries").stock(5).await;
    for route in routes(&Method::POST) {
        let browser = app.browser_of(&admin).await;
        let path = path(route, &item.id.to_string());
        for value in values() {
            let fields: Vec<_> = FIELDS
                .split(' ')
                .map(|field| (field, value.as_str()))
                .collect();
            let answer = browser.post(&path, &fields).await;
            check(&answer, &format!("{value:?} to {path}"));
        }
        for body in [
            "name=%FF&quantity=%C0%80",
            "&&==&=",
            "key=1&key=2",
            "%",
            "a=%zz",
            ";",
        ] {
            let ask = browser.ask(Method::POST, &path).body(body);
            let ask = ask.header("content-type", "application/x-www-form-urlencoded");
            check(&ask.send().await, &format!("{body:?} to {path}"));
        }
    }
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

/// Sends a form in which everything is right but these fields.
async fn send_but(
    browser: &Browser<'_>,
    path: &str,
    item: &TestItem,
    wrong: &[(&str, &str)],
) -> Answer {
    let (key, location) = (ticker_testkit::key().to_string(), item.home.to_string());
    let new = format!("N-{key}");
    let is_edit = path.ends_with(&item.id.to_string());
    let name = if is_edit { "AA batteries" } else { &new };
    let mut fields = vec![
        ("key", key.as_str()),
        ("location", &location),
        ("mode", "by"),
        ("quantity", "1"),
        ("reason", "received"),
        ("version", "1"),
        ("seen_version", "1"),
        ("seen_on_hand", "5"),
        ("name", name),
        ("sku", name),
        ("unit", "pcs"),
        ("category", "Things"),
        ("home_location", "Shop floor"),
    ];
    fields.retain(|(field, _)| wrong.iter().all(|(name, _)| field != name));
    fields.extend(wrong);
    browser.post(path, &fields).await
}

#[tokio::test]
async fn no_number_makes_us_fail() {
    let app = TestApp::new().await;
    let manager = app.browser(Role::Manager).await;
    let item = app.db.item("AA batteries").stock(5).await;
    let adjust = format!("/items/{}/adjust", item.id);
    let answer = send_but(&manager, &adjust, &item, &[]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    let details = "minimum target reorder_multiple quantity version key";
    let change = "quantity delta counted location seen_version seen_on_hand key view_location";
    let edit = format!("/items/{}", item.id);
    for (path, fields) in [("/items", details), (&edit, details), (&adjust, change)] {
        for field in fields.split(' ') {
            for value in NUMBERS.split(' ') {
                let answer = send_but(&manager, path, &item, &[(field, value)]).await;
                check(&answer, &format!("{field} {value} to {path}"));
            }
        }
    }
    for value in NUMBERS.split(' ') {
        for mode in ["add", "take", "count"] {
            let fields = [("mode", mode), ("quantity", value)];
            let answer = send_but(&manager, &adjust, &item, &fields).await;
            check(&answer, &format!("{mode} {value}"));
        }
    }
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn no_address_makes_us_fail() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Admin).await;
    let item = app.db.item("AA batteries").stock(5).await;
    let odd = [
        "q=%FF",
        "&&==",
        "size=1&size=2",
        "%",
        "q=%zz",
        "sort=sku&after=1.%00",
    ];
    let mut queries: Vec<String> = odd.map(str::to_owned).into();
    for value in values() {
        let value = encode(&value);
        let each: Vec<_> = PARAMS
            .split(' ')
            .map(|param| format!("{param}={value}"))
            .collect();
        queries.push(each.join("&"));
        queries.extend(each);
    }
    for route in routes(&Method::GET) {
        // The stock list has nearly all parameters: only there each is tried by itself.
        let is_list = route.path == "/";
        for query in queries
            .iter()
            .filter(|query| is_list || query.contains('&'))
        {
            let path = format!("{}?{query}", path(route, &item.id.to_string()));
            check(&browser.get(&path).await, &path);
        }
    }
}

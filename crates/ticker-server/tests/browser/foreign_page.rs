//! A page of another origin that tries to act in the name of whoever is signed in here.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem, key};

use crate::harness::{Script, Stage, list, story};

#[tokio::test]
async fn foreign_page_with_script() {
    story("foreign-page-with-script", Script::On, tries).await;
}

#[tokio::test]
async fn foreign_page_without_script() {
    story("foreign-page-without-script", Script::Off, tries).await;
}

/// From another port, which is the same site and so gets the cookie, and from another site.
async fn tries(stage: &Stage) {
    let page = &stage.browser;
    stage.db.user_named("ada", "Ada Admin", Role::Admin).await;
    let item = stage.db.item("AA batteries").stock(40).await;
    page.sign_in("ada", PASSWORD).await;
    let forms = forms(item);
    let port = serve(stage.site.origin(), &forms);
    let before = stage.db.texts(STATE).await;
    for host in ["127.0.0.1", "localhost"] {
        for (name, ..) in &forms {
            page.go_elsewhere(&format!("http://{host}:{port}/")).await;
            page.click(&format!("#{name}")).await;
            page.expect("That came from elsewhere").await;
        }
        if page.script.is_on() {
            page.go_elsewhere(&format!("http://{host}:{port}/")).await;
            page.run(FETCH).await;
            page.expect_texts("#fetched", &["done"]).await;
        }
    }
    assert_eq!(stage.db.texts(STATE).await, before, "nothing changed");
    page.go("/").await;
    list::expect_number(page, item.id, "40").await;
    the_same_forms_work_from_here(stage, &forms, &before).await;
}

/// The control: what was refused was refused for where it came from, and for nothing else.
async fn the_same_forms_work_from_here(stage: &Stage, forms: &[Form], before: &[String]) {
    let ada = stage.client_as_browser().await;
    for (name, path, fields) in forms {
        let fields: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = ada.post(path, &fields).await;
        assert!(
            [200, 303].contains(&answer.status),
            "{name}: {} {}",
            answer.status,
            answer.body
        );
    }
    assert_ne!(stage.db.texts(STATE).await, before);
    assert_eq!(
        ada.get("/").await.status,
        303,
        "signed out by the last of them"
    );
}

/// Everything that the forms would change.
const STATE: &str = "select concat_ws(' ', (select count(*) from movements), (select count(*) from users), \
     (select count(*) from items), (select count(*) from items where archived_at is not null), \
     (select count(*) from sessions))";

/// The first form again, the ways that a script can send it.
const FETCH: &str = "const form = document.forms[0]; const body = new URLSearchParams(new FormData(form)); \
     const send = (more) => fetch(form.action, { method: 'POST', mode: 'no-cors', credentials: 'include', body, ...more }) \
       .catch(() => null); \
     const hidden = new Image(); hidden.src = form.action; \
     navigator.sendBeacon(form.action, body); \
     Promise.all([send({}), send({ referrerPolicy: 'no-referrer' })]).then(() => { \
       const sign = document.createElement('p'); sign.id = 'fetched'; sign.textContent = 'done'; document.body.append(sign); })";

/// A name, where it goes, and its fields.
type Form = (&'static str, String, Vec<(&'static str, String)>);

fn forms(item: TestItem) -> Vec<Form> {
    let text = str::to_owned;
    let new_key = || key().0.to_string();
    vec![
        (
            "press",
            format!("/items/{}/adjust", item.id),
            vec![("key", new_key()), ("delta", text("-1"))],
        ),
        (
            "add",
            text("/items"),
            vec![
                ("key", new_key()),
                ("name", text("Planted")),
                ("sku", text("PLANTED")),
                ("unit", text("pcs")),
                ("category", text("Things")),
                ("home_location", text("Shop floor")),
                ("quantity", text("1")),
            ],
        ),
        (
            "enroll",
            text("/enroll"),
            vec![
                ("key", new_key()),
                ("username", text("mallory")),
                ("display_name", text("Mallory")),
                ("role", text("admin")),
                ("password_choice", text("typed")),
                ("password", text("four blue armchairs")),
            ],
        ),
        ("archive", format!("/items/{}/archive", item.id), vec![]),
        ("logout", text("/logout"), vec![]),
    ]
}

/// Serves a page with these forms to whoever comes; returns the port.
fn serve(target: &str, forms: &[Form]) -> u16 {
    let mut page = String::from("<!doctype html><title>Win a prize</title>");
    for (name, path, fields) in forms {
        let _ = write!(page, "<form method=post action=\"{target}{path}\">");
        for (field, value) in fields {
            let _ = write!(
                page,
                "<input type=hidden name=\"{field}\" value=\"{value}\">"
            );
        }
        let _ = write!(page, "<button id={name}>{name}</button></form>");
    }
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{page}",
        page.len()
    );
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    // Ends with the test's process.
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A browser opens connections ahead of requests: one that waits must not hold the others up.
            thread::spawn(move || {
                let mut request = [0; 4096];
                if stream.read(&mut request).is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
        }
    });
    port
}

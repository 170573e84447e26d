//! Where requests come from, as the log tells it.

use http::Method;

use crate::app::{ORIGIN_URL, TestApp};
use crate::log::Log;

/// The client address that is logged for a request with these `X-Forwarded-For` headers, from
/// 192.0.2.1.
async fn client(log: &Log, app: &TestApp, forwarded: &[&str]) -> String {
    let mut ask = app.stranger().ask(Method::GET, "/login");
    for value in forwarded {
        ask = ask.header("x-forwarded-for", value);
    }
    let request_id = ask.send().await.header("x-request-id").to_owned();
    log.of(&request_id, "answered")["span"]["client"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn only_configured_proxies_are_believed() {
    let log = Log::capture();
    let none = TestApp::with(ORIGIN_URL, "").await;
    let other = TestApp::with(ORIGIN_URL, "198.51.100.0/24").await;
    let one = TestApp::with(ORIGIN_URL, "192.0.2.1").await;
    let two = TestApp::with(ORIGIN_URL, "192.0.2.1, 10.0.0.0/8").await;
    let (none, other, one, two) = (&none, &other, &one, &two);
    for (app, forwarded, expected) in [
        (none, &[][..], "192.0.2.1"),
        (none, &["203.0.113.9"], "192.0.2.1"),
        (other, &["203.0.113.9"], "192.0.2.1"),
        (one, &[], "192.0.2.1"),
        (one, &["203.0.113.9"], "203.0.113.9"),
        (one, &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
        (one, &["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        (one, &["1.1.1.1, 192.0.2.1, 203.0.113.9"], "203.0.113.9"),
        (one, &["203.0.113.9, 192.0.2.1"], "203.0.113.9"),
        (two, &["1.1.1.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        (two, &["10.1.2.3, 10.9.9.9"], "10.1.2.3"),
        (one, &["203.0.113.9:4711"], "203.0.113.9"),
        (one, &["[2001:db8::1]:4711"], "2001:db8::1"),
        (one, &["[2001:db8::1]"], "2001:db8::1"),
        (one, &["2001:db8::1"], "2001:db8::1"),
        (one, &["::ffff:203.0.113.9"], "203.0.113.9"),
        (one, &["1.1.1.1, unknown"], "192.0.2.1"),
        (one, &["1.1.1.1, "], "192.0.2.1"),
        (one, &["1.1.1.1, \u{fc}"], "192.0.2.1"),
        (two, &["203.0.113.9, garbage, 10.1.2.3"], "10.1.2.3"),
    ] {
        assert_eq!(
            client(&log, app, forwarded).await,
            expected,
            "{forwarded:?}"
        );
    }
}

#[tokio::test]
async fn a_thousand_forged_headers_are_one_client() {
    let log = Log::capture();
    let app = TestApp::with(ORIGIN_URL, "192.0.2.1").await;
    for n in 0..1_000_u32 {
        let forged = format!(
            "{}, 203.0.113.9",
            std::net::Ipv4Addr::from(n.wrapping_mul(4_294_967))
        );
        let ask = app
            .stranger()
            .ask(Method::GET, "/login")
            .header("x-forwarded-for", &forged);
        ask.header("forwarded", "for=1.1.1.1")
            .header("x-real-ip", "1.1.1.1")
            .send()
            .await;
    }
    let clients = log
        .lines()
        .into_iter()
        .filter(|line| line["fields"]["message"] == "answered");
    let mut clients: Vec<_> = clients.map(|line| line["span"]["client"].clone()).collect();
    assert_eq!(clients.len(), 1_000);
    clients.dedup();
    assert_eq!(clients, ["203.0.113.9"]);
}

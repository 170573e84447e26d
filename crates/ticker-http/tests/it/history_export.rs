//! Movements as CSV: what stands in the file, and what becomes of long and of broken ones.

use http::header::{ACCEPT_ENCODING, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use ticker_domain::ledger::{Line, Note, Posting, Reason, Source};
use ticker_domain::user::Role;
use ticker_testkit::TestItem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::app::TestApp;
use crate::log::Log;

const HEAD: &str = "movement,posting,key,line,at,actor,item,sku,name,location,location_name,delta,\
    before,after,reason,source,note,kind,undoes\r\n";

async fn post(app: &TestApp, item: &TestItem, key: u32, delta: i64, note: Option<&str>) {
    let line = Line::change(item.level(), delta).unwrap();
    let key = format!("00000000-0000-4000-8000-{key:012}")
        .parse()
        .unwrap();
    let note = note.map(|note| Note::parse(note).unwrap());
    let by = app.db.storekeeper().await.actor();
    let posting = Posting::new(key, by, Reason::Sold, note, Source::Api, vec![line]).unwrap();
    app.db.post(&[posting]).await;
}

/// As many movements of one unit of an item, made behind the ledger's back.
async fn many_movements(app: &TestApp, count: u32) -> TestItem {
    let (item, by) = (
        app.db.item("AA batteries").await,
        app.db.storekeeper().await,
    );
    let (id, home, by) = (item.id, item.home, by.id);
    app.db
        .sql(&format!(
            "insert into postings (key, actor_id, reason, source, line_count, posted_at)
             select gen_random_uuid(), {by}, 'adjusted', 'page', 1, now() from generate_series(1, {count});
             insert into movements (posting_id, line_no, item_id, location_id, number, delta, before,
                                    after, hash, moved_at)
             select id, 1, {id}, {home}, id, 1, id - 1, id, sha256(''), now() from postings order by id"
        ))
        .await;
    item
}

/// So that reading ends with an error at the last movement, when much was sent already.
async fn break_last(app: &TestApp) {
    app.db
        .sql("update postings set reason = 'unheard-of' where id = (select max(id) from postings)")
        .await;
}

fn movements(text: &str) -> Vec<&str> {
    let rows = text.strip_prefix(HEAD).unwrap().lines();
    rows.map(|row| row.split(',').next().unwrap()).collect()
}

#[tokio::test]
async fn every_movement_is_a_line_with_its_key() {
    let app = TestApp::new().await;
    let bolts = app
        .db
        .item("Bolts, \"M4\"")
        .sku("B-4")
        .home("Aisle 1")
        .await;
    let nuts = app.db.item("Nuts").sku("N-4").home("Aisle 2").await;
    post(&app, &bolts, 1, 40, None).await;
    post(&app, &nuts, 2, 7, Some("Two boxes, one open")).await;
    post(&app, &bolts, 3, -3, Some("Counter \"A\"")).await;
    let answer = app.browser(Role::Staff).await.get("/history.csv").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header(CONTENT_TYPE), "text/csv; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        answer.header(CONTENT_DISPOSITION),
        "attachment; filename=\"history-20260105T090000Z.csv\""
    );
    let at = "2026-01-05T09:00:00.000000Z";
    let expected = format!(
        "{HEAD}\
         1,1,00000000-0000-4000-8000-000000000001,1,{at},storekeeper,1,B-4,\"Bolts, \"\"M4\"\"\",1,Aisle 1,\
         40,0,40,sold,api,,,\r\n\
         2,2,00000000-0000-4000-8000-000000000002,1,{at},storekeeper,2,N-4,Nuts,2,Aisle 2,\
         7,0,7,sold,api,\"Two boxes, one open\",,\r\n\
         3,3,00000000-0000-4000-8000-000000000003,1,{at},storekeeper,1,B-4,\"Bolts, \"\"M4\"\"\",1,Aisle 1,\
         -3,40,37,sold,api,\"Counter \"\"A\"\"\",,\r\n"
    );
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn what_a_spreadsheet_would_run_is_shown_and_numbers_stay_numbers() {
    let app = TestApp::new().await;
    let item = app
        .db
        .item("=HYPERLINK(\"x\")")
        .sku("+1")
        .home("@home")
        .await;
    post(&app, &item, 1, 5, Some("-5 found")).await;
    post(&app, &item, 2, -5, Some("'=1")).await;
    let answer = app.browser(Role::Staff).await.get("/history.csv").await;
    let text = answer.text();
    assert!(
        text.contains(",'+1,\"'=HYPERLINK(\"\"x\"\")\",1,'@home,5,0,5,sold,api,'-5 found,,\r\n"),
        "{text}"
    );
    assert!(
        text.contains(",'@home,-5,5,0,sold,api,''=1,,\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn what_a_posting_takes_back_is_told() {
    let app = TestApp::new().await;
    let item = app.db.item("Nuts").sku("N-4").await;
    post(&app, &item, 1, 5, None).await;
    let browser = app.browser(Role::Manager).await;
    let key = ticker_testkit::key().to_string();
    browser.post("/postings/1/undo", &[("key", &key)]).await;
    let answer = app.browser(Role::Staff).await.get("/history.csv").await;
    let last = answer.text().lines().last().unwrap().to_owned();
    assert!(last.ends_with(",-5,5,0,sold,page,,undo,1"), "{last}");
}

#[tokio::test]
async fn an_item_and_a_time_narrow_it() {
    let app = TestApp::new().await;
    let bolts = app.db.item("Bolts").await;
    let nuts = app.db.item("Nuts").await;
    for (key, item) in [(1, &bolts), (2, &nuts), (3, &bolts)] {
        post(&app, item, key, 1, None).await;
        app.db.clock().advance(SignedDuration::from_hours(12));
    }
    let staff = app.browser(Role::Staff).await;
    let bolts = bolts.id;
    for (query, expected) in [
        (String::new(), vec!["1", "2", "3"]),
        ("?item=&from=&to=".to_owned(), vec!["1", "2", "3"]),
        (format!("?item={bolts}"), vec!["1", "3"]),
        ("?from=2026-01-06".to_owned(), vec!["3"]),
        ("?from=2026-01-05T21:00:00Z".to_owned(), vec!["2", "3"]),
        ("?to=2026-01-05T21:00:00Z".to_owned(), vec!["1"]),
        ("?to=2026-01-05".to_owned(), vec!["1", "2"]),
        ("?from=2026-01-05&to=2026-01-05".to_owned(), vec!["1", "2"]),
        (
            format!("?item={bolts}&from=2026-01-05T10:00:01%2B01:00"),
            vec!["3"],
        ),
        (
            "?from=0000-01-01&to=9999-12-29".to_owned(),
            vec!["1", "2", "3"],
        ),
        ("?from=2027-01-01".to_owned(), vec![]),
    ] {
        let answer = staff.get(&format!("/history.csv{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}");
        assert_eq!(movements(answer.text()), expected, "{query}");
    }
    let answer = staff.get(&format!("/history.csv?item={bolts}")).await;
    let name = format!("attachment; filename=\"history-item-{bolts}-20260106T210000Z.csv\"");
    assert_eq!(answer.header(CONTENT_DISPOSITION), name);
    let page = staff.get(&format!("/items/{bolts}/history")).await;
    let link = format!("href=\"/history.csv?item={bolts}\"");
    assert!(page.text().contains(&link), "{}", page.text());
}

#[tokio::test]
async fn what_cannot_be_read_is_named() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    for (query, name) in [
        ("item=x", "“item”"),
        ("item=-1", "“item”"),
        ("from=yesterday", "“from”"),
        ("from=2026-02-30", "“from”"),
        ("to=-009999-01-01T00:00:00Z", "“to”"),
        ("to=9999-12-31", "“to”"),
        ("from=2026-01-06&to=2026-01-05", "“from”"),
    ] {
        let ask = staff.ask(Method::GET, &format!("/history.csv?{query}"));
        let answer = ask.header("accept", "application/json").send().await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer.header(CONTENT_TYPE), "application/problem+json");
        assert!(answer.text().contains(name), "{query}: {}", answer.text());
    }
    let answer = staff.get("/history.csv?item=1").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

/// More readers than there are connections, each stopped in the middle, and a page is served all the same.
#[tokio::test]
async fn who_reads_slowly_holds_no_connection() {
    let app = TestApp::new().await;
    many_movements(&app, 2_500).await;
    let staff = app.browser(Role::Staff).await;
    let mut slow = Vec::new();
    for _ in 0..12 {
        let mut body = staff
            .ask(Method::GET, "/history.csv")
            .begin()
            .await
            .into_body();
        for _ in 0..2 {
            body.frame().await.unwrap().unwrap();
        }
        slow.push(body);
    }
    let page = staff.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    let rest = slow.remove(0).collect().await.unwrap().to_bytes();
    assert_eq!(str::from_utf8(&rest).unwrap().lines().count(), 1_500);
}

#[tokio::test]
async fn a_failure_midway_ends_the_body_with_an_error_and_is_logged() {
    let app = TestApp::new().await;
    many_movements(&app, 1_500).await;
    break_last(&app).await;
    let staff = app.browser(Role::Staff).await;
    for encoding in ["identity", "gzip", "br"] {
        let log = Log::capture();
        let ask = staff.ask(Method::GET, "/history.csv");
        let response = ask.header(ACCEPT_ENCODING.as_str(), encoding).begin().await;
        assert_eq!(response.status(), StatusCode::OK);
        let compressed = response.headers().get(CONTENT_ENCODING);
        assert_eq!(compressed.is_some(), encoding != "identity");
        let request_id = response.headers()["x-request-id"].clone();
        let mut body = response.into_body();
        let mut sent = 0;
        let error = loop {
            match body.frame().await.expect("the body does not end well") {
                Ok(frame) => sent += frame.into_data().unwrap().len(),
                Err(error) => break error,
            }
        };
        // A compressor keeps back the end of what it got.
        assert!(sent > 10_000 || encoding != "identity", "{sent}");
        assert!(error.to_string().contains("unheard-of"), "{error}");
        let line = log.of(request_id.to_str().unwrap(), "an export was cut off");
        assert_eq!(line["level"], "ERROR");
        let error = line["fields"]["error"].as_str().unwrap();
        assert!(error.contains("unheard-of"), "{line}");
    }
}

/// What the bytes on the wire are: chunks without the last, empty one.
#[tokio::test]
async fn a_failure_midway_shows_on_the_wire() {
    let app = TestApp::new().await;
    let cookie = app.browser(Role::Staff).await.cookie.unwrap();
    many_movements(&app, 1_500).await;
    let ends_well = fetch(&app, &cookie).await;
    assert!(ends_well.ends_with("\r\n0\r\n\r\n"), "{}", tail(&ends_well));
    break_last(&app).await;
    let ends_early = fetch(&app, &cookie).await;
    // Nothing at all if it failed before the answer's beginning was written: that is thrown away then.
    assert!(ends_early.is_empty() || ends_early.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(ends_early.len() < ends_well.len());
    assert!(
        !ends_early.ends_with("\r\n0\r\n\r\n"),
        "{}",
        tail(&ends_early)
    );
}

fn tail(text: &str) -> &str {
    &text[text.len().saturating_sub(200)..]
}

async fn fetch(app: &TestApp, cookie: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let server = axum::serve(listener, app.router());
    let request = format!(
        "GET /history.csv HTTP/1.1\r\nhost: stock.example.com\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::select! {
        end = server.into_future() => panic!("the server ended: {end:?}"),
        read = client.read_to_string(&mut text) => read.unwrap(),
    };
    text
}

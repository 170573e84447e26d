//! `ticker serve` from its start to its end.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use ticker_domain::user::Role;
use ticker_testkit::TestDatabase;

use crate::program::{Program, Server, WAIT_MAX, exchange, free_port, get};

fn program(db: &TestDatabase) -> Program {
    Program::on(&db.settings(4), &db.owner_settings())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_without_a_database_and_gets_ready_with_it() {
    let db = TestDatabase::new().await;
    let port = free_port();
    let url = format!("postgres://ticker_test_app@127.0.0.1:{port}/{}", db.name());
    let mut server = program(&db).set("TICKER_DATABASE_URL", &url).serve();
    server.line_with("the database is out of reach");
    assert_eq!(server.status("/healthz"), Some(200));
    assert_eq!(server.status("/readyz"), Some(503));

    let database = forward(port, port_of(&db.settings(1).url));
    server.wait_for("/readyz", 200);
    server.line_with("\"ready\"");
    let complaints = server.log().matches("the database is out of reach").count();
    assert!(
        complaints <= 2,
        "a line a look is too much:\n{}",
        server.log()
    );
    drop(database);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_behind_is_named_and_left_alone() {
    let db = TestDatabase::new().await;
    db.sql("drop schema public cascade").await;
    db.sql("create schema public authorization ticker_owner")
        .await;
    db.sql("grant usage on schema public to ticker_app").await;
    let mut server = program(&db).serve();
    server.line_with("run `ticker migrate`");
    server.wait_for("/readyz", 503);
    assert_eq!(
        db.texts("select count(*) from pg_tables where schemaname = 'public'")
            .await,
        ["0"]
    );
    program(&db).run(&["migrate"]).succeeded();
    server.wait_for("/readyz", 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_request_in_flight_finish() {
    let db = TestDatabase::new().await;
    let mut server = program(&db).serve();
    server.wait_for("/readyz", 200);
    let body = "username=nobody&password=nothing";
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(WAIT_MAX)).expect("a timeout");
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    // Asking for the body, the server shows that the request has reached its handler.
    let mut interim = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut interim).expect("an interim answer");
    assert_eq!(&interim[..12], b"HTTP/1.1 100");

    server.signal(Signal::TERM);
    server.line_with("stopping");
    refuses_connections(server.address());
    stream.write_all(body.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("an answer, and the end of the connection");
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    server.line_with("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_hold_up_the_end() {
    let db = TestDatabase::new().await;
    let mut server = program(&db).serve();
    server.wait_for("/readyz", 200);
    let mut kept = TcpStream::connect(server.address()).expect("a connection");
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .expect("sent");
    let mut beginning = [0; 12];
    kept.read_exact(&mut beginning).expect("an answer");
    // Left alone, this one would end after 5 s, when no headers have come.
    let silent = TcpStream::connect(server.address()).expect("a connection");
    let begun = Instant::now();
    server.signal(Signal::INT);
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(
        begun.elapsed() < Duration::from_millis(4500),
        "it took {:?}",
        begun.elapsed()
    );
    drop((kept, silent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let db = TestDatabase::new().await;
    let mut server = program(&db).serve();
    server.wait_for("/readyz", 200);
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    let unfinished = "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n\
                      Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\n\
                      Content-Length: 9\r\n\r\n";
    stream.write_all(unfinished.as_bytes()).expect("sent");
    stream.read_exact(&mut [0; 12]).expect("an interim answer");
    server.signal(Signal::TERM);
    server.line_with("stopping");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(1), "{}", server.log());
    server.line_with("second signal");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_do_not_arrive_end_the_connection() {
    let db = TestDatabase::new().await;
    let server = program(&db).serve();
    let address = server.address();
    // Nothing; half of what tells the versions of HTTP apart; half of a request.
    let beginnings = [
        "",
        "P",
        "PRI * HTTP/2.0\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    ];
    let ends = beginnings.map(|beginning| {
        std::thread::spawn(move || {
            let begun = Instant::now();
            exchange(address, beginning).expect("the connection ends in good order");
            begun.elapsed()
        })
    });
    for (beginning, end) in beginnings.into_iter().zip(ends) {
        let took = end.join().expect("it ends");
        assert!(
            took >= Duration::from_secs(4),
            "{beginning:?} ended after {took:?}"
        );
        assert!(
            took <= Duration::from_secs(15),
            "{beginning:?} ended after {took:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_one_clear_line() {
    let db = TestDatabase::new().await;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = taken.local_addr().expect("its address");
    for setting in ["TICKER_LISTEN", "TICKER_METRICS_LISTEN"] {
        let ended = program(&db).set(setting, &address).run(&["serve"]);
        let said =
            format!("ticker: cannot listen on {address} ({setting}): Address already in use");
        ended.refused(1, &[&said]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_on_their_own_address_only() {
    let db = TestDatabase::new().await;
    let server = program(&db).serve();
    assert_eq!(server.status("/metrics"), Some(404));
    let metrics = exchange(server.metrics_address(), &get("/metrics")).expect("an answer");
    assert!(metrics.starts_with("HTTP/1.1 200"), "{metrics}");
    assert!(
        metrics.contains("ticker_sign_ins_total{outcome=\"refused\"} 0"),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_forges_a_line_of_the_log() {
    let db = TestDatabase::new().await;
    for format in ["json", "text"] {
        // The address is needed from the line that it listens, which only JSON tells reliably.
        let port = free_port();
        let mut server = program(&db)
            .set("TICKER_LOG_FORMAT", format)
            .set("TICKER_LISTEN", &format!("127.0.0.1:{port}"))
            .serve_in_any_format();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let body = "username=ana%0D%0A2026-11-20T00%3A00%3A00Z++INFO+forged&password=wrong";
        let request = format!(
            "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        exchange(address, &request).expect("an answer");
        let line = server.line_with("forged");
        assert!(line.contains("ana"), "{format}: {line}");
        assert!(
            line.contains("127.0.0.1"),
            "{format}: the client's address is missing: {line}"
        );
        assert!(!server.log().contains("wrong&"), "{}", server.log());
        if format == "json" {
            let line: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
            let time = line["timestamp"].as_str().expect("a time");
            assert!(time.ends_with('Z'), "{time}");
            assert!(line.to_string().contains("request_id"), "{line}");
        }
    }
}

/// Waits until nobody accepts any more.
fn refuses_connections(address: SocketAddr) {
    let begun = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(begun.elapsed() < WAIT_MAX, "it still accepts connections");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn port_of(url: &str) -> u16 {
    let authority = url
        .split(['@', '/'])
        .nth(3)
        .expect("postgres://login@host:port/database");
    authority
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port")
}

/// Stands on `port` for the database on another one.
fn forward(port: u16, database: u16) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .expect("the port");
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (mut near, _) = listener.accept().await.expect("a connection");
            connections.spawn(async move {
                let far = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, database)).await;
                let mut far = far.expect("the database answers");
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    tasks
}

/// What a server that was asked nothing takes; printed, since it depends on the machine.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_server_is_small() {
    let db = TestDatabase::new().await;
    let begun = Instant::now();
    let mut server: Server = program(&db).serve();
    server.wait_for("/readyz", 200);
    let (ready, kib) = (begun.elapsed(), server.anonymous_kib());
    println!("ready after {} ms, {kib} KiB of its own", ready.as_millis());
    // The code of a debug build, which grows with every feature and does not ship, is left out. What
    // remains is some 29 MiB in such a build; docs/performance.md has what a release takes.
    assert!(kib < 36 * 1024, "{kib} KiB");
}

/// With the variables that the image sets, the memory of password hashes goes back.
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_give_their_memory_back() {
    let db = TestDatabase::new().await;
    let dockerfile =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Dockerfile"));
    let dockerfile = dockerfile.expect("the Dockerfile is there");
    let variables = dockerfile
        .lines()
        .find_map(|line| line.strip_prefix("ENV MIMALLOC_"));
    let variables = format!("MIMALLOC_{}", variables.expect("the image sets them"));
    let mut program = program(&db);
    for (name, value) in variables.split(' ').filter_map(|one| one.split_once('=')) {
        program = program.set(name, value);
    }
    let mut server = program.serve();
    server.wait_for("/readyz", 200);
    let idle_kib = server.resident_kib();
    let address = server.address();
    let body = "username=nobody&password=wrong";
    let request = format!(
        "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let sign_in = || {
        let request = request.clone();
        std::thread::spawn(move || exchange(address, &request))
    };
    let sign_ins: Vec<_> = std::iter::repeat_with(sign_in).take(8).collect();
    let answers = sign_ins
        .into_iter()
        .map(|sign_in| sign_in.join().expect("asked"));
    let answers: Vec<String> = answers.map(|answer| answer.expect("answered")).collect();
    // On a machine that is on its knees some are asked to come back later.
    let checked = answers
        .iter()
        .filter(|answer| answer.starts_with("HTTP/1.1 422"));
    assert!(checked.count() >= 2, "{answers:?}");
    let begun = Instant::now();
    while server.resident_kib() > idle_kib + 16 * 1024 {
        let kib = server.resident_kib();
        assert!(
            begun.elapsed() < WAIT_MAX,
            "{kib} KiB stay of {idle_kib} KiB before"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The cookie of somebody who has signed in.
async fn cookie(db: &TestDatabase) -> String {
    let ana = db.user(Role::Staff).await;
    let (_, id) = db.session_of(&ana).await;
    format!("ticker={id}")
}

/// A connection on which `GET /live` was asked for.
fn follow(server: &Server, cookie: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(WAIT_MAX)).expect("a timeout");
    let request = format!("GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    stream
}

/// Waits until the metrics say that so many streams are open.
fn until_open(server: &Server, streams: u32) {
    until_measured(server, &format!("ticker_streams {streams}"));
}

/// Waits until this is a line of the metrics.
fn until_measured(server: &Server, line: &str) {
    let begun = Instant::now();
    loop {
        let metrics = exchange(server.metrics_address(), &get("/metrics")).expect("an answer");
        if metrics.lines().any(|one| one == line) {
            return;
        }
        let waited = begun.elapsed();
        assert!(waited < WAIT_MAX, "no {line:?} after {waited:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_streams_at_once() {
    let db = TestDatabase::new().await;
    let mut server = program(&db).serve();
    server.wait_for("/readyz", 200);
    let mut stream = follow(&server, &cookie(&db).await);
    until_open(&server, 1);
    let begun = Instant::now();
    server.signal(Signal::TERM);
    let mut told = String::new();
    stream.read_to_string(&mut told).expect("the end");
    assert!(told.contains("retry: 250"), "{told}");
    assert!(told.ends_with("0\r\n\r\n"), "it is ended in order: {told}");
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_never_reads_is_dropped() {
    let db = TestDatabase::new().await;
    let mut server = program(&db).serve();
    server.wait_for("/readyz", 200);
    let stream = follow(&server, &cookie(&db).await);
    until_open(&server, 1);
    let note = "insert into item_changes (item_id) select n from generate_series(1, 900) n";
    let read = "ticker_stream_events_total{event=\"item\"} ";
    // Some 40 kB a time, each read before the next: together more than the two ends keep for each other.
    for time in 1..=8 {
        db.sql(note).await;
        until_measured(&server, &format!("{read}{}", 900 * time));
    }
    let begun = Instant::now();
    until_open(&server, 0);
    assert!(
        begun.elapsed() < Duration::from_secs(12),
        "{:?}",
        begun.elapsed()
    );
    drop(stream);
}

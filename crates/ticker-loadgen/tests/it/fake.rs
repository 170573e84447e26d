//! A Ticker in memory: sign-in, presses under keys, pages and the export, and faults on demand.

mod ledger;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use http::header::{COOKIE, LOCATION, ORIGIN, RETRY_AFTER, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) use self::ledger::{Ledger, Row};

/// What goes wrong.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// The first try of each press is carried out, and answered with 503.
    pub(crate) busy_at_first: bool,
    /// The first press of all is answered after this time.
    pub(crate) first_press_takes: Duration,
    /// Every press is answered so, and not carried out.
    pub(crate) answers: Option<StatusCode>,
    /// Keys are not remembered: each try is a new posting.
    pub(crate) forgets_keys: bool,
    /// This many sign-ins are answered with 503 before the first succeeds.
    pub(crate) busy_sign_ins: u64,
    /// After this many presses no session is known any more.
    pub(crate) forgets_sessions_after: Option<u64>,
    /// Items are said to be added, and are not.
    pub(crate) adds_nothing: bool,
    /// The export breaks off after so many bytes.
    pub(crate) export_bytes: Option<usize>,
}

/// A running fake with two replicas; it ends when dropped.
pub(crate) struct Fake {
    /// Where the replicas listen: `http://127.0.0.1:…`.
    pub(crate) urls: [String; 2],
    shop: Arc<Shop>,
    _listeners: JoinSet<()>,
}

struct Shop {
    faults: Faults,
    ledger: Mutex<Ledger>,
    sign_ins: AtomicU64,
    presses: AtomicU64,
}

impl Fake {
    /// Starts one.
    pub(crate) async fn start(faults: Faults) -> Self {
        let shop = Arc::new(Shop {
            faults,
            ledger: Mutex::default(),
            sign_ins: AtomicU64::new(0),
            presses: AtomicU64::new(0),
        });
        let mut listeners = JoinSet::new();
        let mut urls = [const { String::new() }; 2];
        for url in &mut urls {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            *url = format!("http://{}", listener.local_addr().unwrap());
            listeners.spawn(serve(listener, Arc::clone(&shop)));
        }
        Self {
            urls,
            shop,
            _listeners: listeners,
        }
    }

    /// What it holds.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.shop.ledger.lock().unwrap()
    }

    /// How often somebody tried to sign in.
    pub(crate) fn sign_ins(&self) -> u64 {
        self.shop.sign_ins.load(Ordering::SeqCst)
    }

    /// How often somebody asked for a press, again and again counted each time.
    pub(crate) fn presses(&self) -> u64 {
        self.shop.presses.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, shop: Arc<Shop>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shop = Arc::clone(&shop);
        connections.spawn(async move {
            let answering = service_fn(|request| answer(Arc::clone(&shop), request));
            let connection = hyper::server::conn::http1::Builder::new();
            // Clients cut connections: that is what they are tested for.
            let _ended = connection
                .serve_connection(TokioIo::new(stream), answering)
                .await;
        });
    }
}

type Answer = Response<BoxBody<Bytes, std::io::Error>>;

async fn answer(shop: Arc<Shop>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return Ok(status(StatusCode::BAD_REQUEST));
    };
    let forgotten_after = shop.faults.forgets_sessions_after.unwrap_or(u64::MAX);
    let is_known = head
        .headers
        .get(COOKIE)
        .is_some_and(|cookie| cookie == "ticker=session")
        && shop.presses.load(Ordering::SeqCst) < forgotten_after;
    let path: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    Ok(match (&head.method, &path[..]) {
        (&Method::POST, _) if !head.headers.contains_key(ORIGIN) => status(StatusCode::FORBIDDEN),
        (&Method::POST, ["login"]) => sign_in(&shop, &body.to_bytes()),
        (&Method::GET, _) if !is_known => see_other("/login?next=/"),
        _ if !is_known => status(StatusCode::UNAUTHORIZED),
        (&Method::POST, ["items", item, "adjust"]) => {
            // Goes on when the client has gone away, as Ticker does.
            let (item, body) = (item.parse().unwrap(), body.to_bytes());
            press(&shop, item, &body).await
        }
        (&Method::POST, ["items"]) => add(&shop, &body.to_bytes()),
        (&Method::GET, ["history.csv"]) => export(&shop),
        (&Method::GET, _) => page(),
        _ => status(StatusCode::NOT_FOUND),
    })
}

fn sign_in(shop: &Shop, body: &[u8]) -> Answer {
    if shop.sign_ins.fetch_add(1, Ordering::SeqCst) < shop.faults.busy_sign_ins {
        return busy();
    }
    if !body.ends_with(b"password=right%20one") {
        return status(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let mut answer = see_other("/");
    answer.headers_mut().insert(
        SET_COOKIE,
        "ticker=session; HttpOnly; Path=/".parse().unwrap(),
    );
    answer
}

fn see_other(location: &str) -> Answer {
    let mut answer = status(StatusCode::SEE_OTHER);
    answer
        .headers_mut()
        .insert(LOCATION, location.parse().unwrap());
    answer
}

fn fields(body: &[u8]) -> BTreeMap<&str, &str> {
    std::str::from_utf8(body)
        .unwrap()
        .split('&')
        .filter_map(|field| field.split_once('='))
        .collect()
}

fn add(shop: &Shop, body: &[u8]) -> Answer {
    let fields = fields(body);
    assert_eq!(fields["quantity"], "1");
    if shop.faults.adds_nothing {
        return see_other("/items/1000");
    }
    let mut ledger = shop.ledger.lock().unwrap();
    let item = ledger.add(fields["key"].parse().unwrap(), fields["sku"]);
    see_other(&format!("/items/{item}"))
}

async fn press(shop: &Shop, item: i64, body: &[u8]) -> Answer {
    let number = shop.presses.fetch_add(1, Ordering::SeqCst);
    if number == 0 {
        tokio::time::sleep(shop.faults.first_press_takes).await;
    }
    if let Some(answer) = shop.faults.answers {
        return status(answer);
    }
    let fields = fields(body);
    let key = fields["key"].parse().unwrap();
    let (location, delta) = (
        fields["location"].parse().unwrap(),
        fields["delta"].parse().unwrap(),
    );
    let mut ledger = shop.ledger.lock().unwrap();
    let is_first = ledger.tries_of(key) == 0;
    let (code, json) = ledger.post(key, item, location, delta, shop.faults.forgets_keys);
    if is_first && shop.faults.busy_at_first {
        return busy();
    }
    let mut answer = whole(json);
    *answer.status_mut() = code;
    answer
}

fn page() -> Answer {
    let form = |item| {
        format!(r#"<form action="/items/{item}/adjust"><input name="location" value="1"></form>"#)
    };
    whole((1..=3).map(form).collect())
}

fn export(shop: &Shop) -> Answer {
    let csv = shop.ledger.lock().unwrap().csv();
    let bytes = shop.faults.export_bytes.unwrap_or(csv.len());
    let cut = (bytes < csv.len()).then(|| std::io::Error::other("cut"));
    let cut = stream::iter(cut).then(async |error| {
        // What stands before the cut is sent when the body is waited for.
        tokio::task::yield_now().await;
        Err(error)
    });
    let piece = Ok(Frame::data(Bytes::from(csv).slice(..bytes)));
    let pieces = stream::iter([piece]).chain(cut);
    Response::new(BodyExt::boxed(StreamBody::new(Box::pin(pieces))))
}

fn busy() -> Answer {
    let mut answer = status(StatusCode::SERVICE_UNAVAILABLE);
    answer
        .headers_mut()
        .insert(RETRY_AFTER, "0".parse().unwrap());
    answer
}

fn status(status: StatusCode) -> Answer {
    let mut answer = whole(String::new());
    *answer.status_mut() = status;
    answer
}

fn whole(body: String) -> Answer {
    let body = Full::new(Bytes::from(body));
    Response::new(BodyExt::boxed(body.map_err(|never| match never {})))
}

//! The public service on a database of the test's own, and the browsers that use it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::{Extension, Router};
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use ticker_app::{App, AppSettings};
use ticker_auth::SignIn;
use ticker_domain::user::Role;
use ticker_http::{HttpSettings, Origin, PeerAddress, Readiness, TrustedProxies, Web};
use ticker_testkit::{TestDatabase, TestUser};
use tower::ServiceExt as _;

/// Where browsers see the service.
pub(crate) const ORIGIN_URL: &str = "https://stock.example.com";
const HOST_NAME: &str = "stock.example.com";

/// The public service on a database of the test's own.
pub(crate) struct TestApp {
    pub(crate) db: TestDatabase,
    pub(crate) app: App,
    pub(crate) readiness: Readiness,
    router: Router,
    cookie_name: &'static str,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(ORIGIN_URL, "").await
    }

    /// Under another origin, behind proxies.
    pub(crate) async fn with(origin: &str, proxies: &str) -> Self {
        let db = TestDatabase::new().await;
        let (app, readiness) = (db.app(), Readiness::new());
        let settings = AppSettings {
            password_chars_min: 12,
        };
        let clock = Arc::new(db.clock().clone());
        let web = Web::new(app.clone(), clock, settings, readiness.clone());
        let origin = Origin::parse(origin).unwrap();
        let is_plain = origin.is_plain();
        let proxies: TrustedProxies = proxies.parse().unwrap();
        let http = HttpSettings::new(vec![origin], is_plain, proxies).unwrap();
        let sessions = db.session_store_with(app.session_cache());
        let router = ticker_http::service(web, sessions, &http);
        let cookie_name = if is_plain { "ticker" } else { "__Host-ticker" };
        Self {
            db,
            app,
            readiness,
            router,
            cookie_name,
        }
    }

    /// The browser of a new user who has signed in.
    pub(crate) async fn browser(&self, role: Role) -> Browser<'_> {
        self.browser_of(&self.db.user(role).await).await
    }

    /// Another browser that a user has signed in with.
    pub(crate) async fn browser_of(&self, user: &TestUser) -> Browser<'_> {
        let session = self.db.session(None);
        SignIn::checked(user.id, user.actor().epoch)
            .begin_session(&session)
            .await
            .unwrap();
        self.browser_with(&session.id().unwrap().to_string())
    }

    /// A browser with a session's id in its cookie.
    pub(crate) fn browser_with(&self, id: &str) -> Browser<'_> {
        Browser {
            app: self,
            cookie: Some(format!("{}={id}", self.cookie_name)),
        }
    }

    /// A browser that nobody has signed in with.
    pub(crate) fn stranger(&self) -> Browser<'_> {
        Browser {
            app: self,
            cookie: None,
        }
    }

    /// The service for a listener, to which everybody is the same neighbour.
    pub(crate) fn router(&self) -> Router {
        self.router
            .clone()
            .layer(Extension(PeerAddress(neighbour())))
    }

    /// From now on the database is out of reach.
    pub(crate) async fn lose_database(&self) {
        self.db.database().close().await;
    }

    /// A figure that differs when a request has added or changed something.
    pub(crate) async fn state(&self) -> Vec<String> {
        let sql = "select concat_ws(' ', \
            (select concat_ws(' ', count(*), count(disabled_at), sum(auth_epoch)) from users), \
            (select count(*) from sessions), \
            (select concat_ws(' ', count(*), count(archived_at), sum(version)) from items), \
            (select count(*) from movements))";
        self.db.texts(sql).await
    }
}

fn neighbour() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 40_000))
}

/// Somebody's browser: sends its cookie, and says where forms come from.
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    app: &'a TestApp,
    /// `name=value`, as it is sent.
    pub(crate) cookie: Option<String>,
}

impl Browser<'_> {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }

    /// Sends a form.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask(Method::POST, path).form(fields).send().await
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> Ask {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = path.parse().unwrap();
        if method == Method::POST {
            request
                .headers_mut()
                .insert(ORIGIN, HeaderValue::from_static(ORIGIN_URL));
        }
        *request.method_mut() = method;
        request
            .headers_mut()
            .insert(HOST, HeaderValue::from_static(HOST_NAME));
        if let Some(cookie) = &self.cookie {
            request
                .headers_mut()
                .insert(COOKIE, cookie.parse().unwrap());
        }
        request.extensions_mut().insert(PeerAddress(neighbour()));
        Ask {
            router: self.app.router.clone(),
            request,
        }
    }
}

/// A request to be.
pub(crate) struct Ask {
    router: Router,
    request: Request<Body>,
}

impl Ask {
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.request
            .headers_mut()
            .append(HeaderName::from_static(name), value);
        self
    }

    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        let body = body.extend_pairs(fields).finish();
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        *self.request.body_mut() = body.into();
        self
    }

    /// The answer as soon as it begins.
    pub(crate) async fn begin(self) -> Response<Body> {
        self.router.oneshot(self.request).await.unwrap()
    }

    /// The whole answer, and of one without end how it begins.
    pub(crate) async fn send(self) -> Answer {
        let (parts, mut body) = self.begin().await.into_parts();
        let is_endless = parts
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind == "text/event-stream");
        let bytes = if is_endless {
            let first = body
                .frame()
                .await
                .map(|frame| frame.unwrap().into_data().unwrap());
            first.unwrap_or_default().to_vec()
        } else {
            body.collect().await.unwrap().to_bytes().to_vec()
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes,
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: impl http::header::AsHeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION)
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.bytes).unwrap()
    }

    /// The session's cookie, if it sets that; the message for the next page may be another one.
    pub(crate) fn set_cookie(&self) -> Option<&str> {
        let cookies = self.headers.get_all(SET_COOKIE).iter();
        let mut cookies = cookies
            .map(|value| value.to_str().unwrap())
            .filter(|cookie| !cookie.contains("ticker-flash="));
        let cookie = cookies.next();
        assert!(cookies.next().is_none(), "{:?}", self.headers);
        cookie
    }
}

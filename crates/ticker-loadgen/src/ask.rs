//! Requests, which can be sent again as they are.

use std::fmt::{self, Write as _};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use hyper::body::Bytes;

use crate::account::Account;
use crate::addition::Addition;
use crate::payload::Payload;
use crate::press::Press;
use crate::replica::Replica;
use crate::tally::Kind;

/// A request but for the replica that it goes to.
#[derive(Debug)]
pub(crate) struct Ask {
    kind: Kind,
    method: Method,
    uri: Uri,
    cookie: Option<HeaderValue>,
    accept: HeaderValue,
    body: Bytes,
    /// Between the halves of the body.
    pause: Option<Duration>,
}

impl Ask {
    /// Reads what is at `path`.
    pub(crate) fn page(path: &Path, cookie: Option<&HeaderValue>) -> Self {
        Self {
            kind: path.kind(),
            method: Method::GET,
            uri: path.uri(),
            cookie: cookie.cloned(),
            accept: HeaderValue::from_static("text/html"),
            body: Bytes::new(),
            pause: None,
        }
    }

    /// Reads the whole ledger.
    pub(crate) fn history(cookie: &HeaderValue) -> Self {
        Self {
            kind: Kind::Export,
            method: Method::GET,
            uri: Uri::from_static("/history.csv"),
            cookie: Some(cookie.clone()),
            accept: HeaderValue::from_static("text/csv"),
            body: Bytes::new(),
            pause: None,
        }
    }

    /// Follows live from where a page was read.
    pub(crate) fn live(cookie: &HeaderValue, after: &str) -> Self {
        let mut address = String::from("/live?after=");
        encode(after, &mut address);
        Self {
            kind: Kind::Export,
            method: Method::GET,
            uri: Uri::from_maybe_shared(Bytes::from(address)).expect("nothing else is left"),
            cookie: Some(cookie.clone()),
            accept: HeaderValue::from_static("text/event-stream"),
            body: Bytes::new(),
            pause: None,
        }
    }

    /// Presses.
    pub(crate) fn press(press: &Press, cookie: Option<&HeaderValue>) -> Self {
        let Press {
            key,
            item,
            location,
            delta,
        } = press;
        Self {
            kind: Kind::Press,
            method: Method::POST,
            uri: Path::Adjust(*item).uri(),
            cookie: cookie.cloned(),
            accept: HeaderValue::from_static("application/json"),
            body: format!("key={key}&location={location}&delta={delta}").into(),
            pause: None,
        }
    }

    /// Adds an item, with a pause in the middle of the form.
    pub(crate) fn add(addition: &Addition, pause: Duration, cookie: Option<&HeaderValue>) -> Self {
        Self {
            kind: Kind::Slow,
            method: Method::POST,
            uri: Uri::from_static("/items"),
            cookie: cookie.cloned(),
            accept: HeaderValue::from_static("text/html"),
            body: addition.form().into(),
            pause: Some(pause),
        }
    }

    /// Signs in.
    pub(crate) fn sign_in(account: &Account) -> Self {
        let mut body = String::from("username=");
        encode(&account.name, &mut body);
        body.push_str("&password=");
        encode(&account.password, &mut body);
        Self {
            kind: Kind::SignIn,
            method: Method::POST,
            uri: Uri::from_static("/login"),
            cookie: None,
            accept: HeaderValue::from_static("text/html"),
            body: body.into(),
            pause: None,
        }
    }

    /// What kind of request it is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The request to `replica`, from a page of `origin`, by default the replica's.
    pub(crate) fn request(
        &self,
        replica: &Replica,
        origin: Option<&HeaderValue>,
    ) -> Request<Payload> {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(HOST, replica.host.clone());
        headers.insert(ACCEPT, self.accept.clone());
        if let Some(cookie) = &self.cookie {
            headers.insert(COOKIE, cookie.clone());
        }
        if self.method == Method::POST {
            headers.insert(ORIGIN, origin.unwrap_or(&replica.origin).clone());
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
        }
        let body = self.body.clone();
        let mut request = Request::new(match self.pause {
            Some(pause) => Payload::halves(body, pause),
            None => Payload::whole(body),
        });
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        request
    }
}

/// For a person: `POST /items/5/adjust`.
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.uri)
    }
}

/// The pages that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// The inventory's first page.
    Inventory,
    /// The inventory at an address of its own: filtered, sorted, further on.
    List(Uri),
    /// An item.
    Item(i64),
    /// An item's history.
    History(i64),
    /// Where presses on an item go.
    Adjust(i64),
}

impl Path {
    fn kind(&self) -> Kind {
        match self {
            Self::Inventory | Self::List(_) => Kind::Inventory,
            Self::Item(_) | Self::Adjust(_) => Kind::Item,
            Self::History(_) => Kind::History,
        }
    }

    fn uri(&self) -> Uri {
        let text = match self {
            Self::Inventory => return Uri::from_static("/"),
            Self::List(address) => return address.clone(),
            Self::Item(id) => format!("/items/{id}"),
            Self::History(id) => format!("/items/{id}/history"),
            Self::Adjust(id) => format!("/items/{id}/adjust"),
        };
        Uri::from_maybe_shared(Bytes::from(text)).expect("a path of letters, digits and slashes")
    }
}

/// Writes `text` as a form's field.
fn encode(text: &str, form: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            form.push(char::from(byte));
        } else {
            write!(form, "%{byte:02X}").expect("a string takes everything");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_survive_the_form() {
        let mut form = String::new();
        encode("a&b=ü +%", &mut form);
        assert_eq!(form, "a%26b%3D%C3%BC%20%2B%25");
    }

    #[test]
    fn a_press_says_where_it_comes_from() {
        let press = Press {
            key: uuid::Uuid::from_u128(7),
            item: 5,
            location: 1,
            delta: -2,
        };
        let replica: Replica = "http://localhost:5001".parse().unwrap();
        let ask = Ask::press(&press, Some(&HeaderValue::from_static("ticker=x")));
        let request = ask.request(&replica, None);
        assert_eq!(request.uri(), "/items/5/adjust");
        assert_eq!(request.headers()[HOST], "localhost:5001");
        assert_eq!(request.headers()[ORIGIN], "http://localhost:5001");
        assert_eq!(request.headers()[COOKIE], "ticker=x");
        let origin = HeaderValue::from_static("http://shop");
        assert_eq!(
            ask.request(&replica, Some(&origin)).headers()[ORIGIN],
            "http://shop"
        );
        assert_eq!(
            &ask.body[..],
            b"key=00000000-0000-0000-0000-000000000007&location=1&delta=-2"
        );
    }
}

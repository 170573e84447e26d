//! A person without a browser: requests as a browser of the same site sends them, or as it never would.

use std::collections::HashMap;
use std::sync::Mutex;

use reqwest::redirect::Policy;
use reqwest::{Method, Response};

use super::server::Server;

/// Keeps cookies, follows no redirects.
pub(crate) struct Client {
    http: reqwest::Client,
    /// Where its requests go.
    target: String,
    /// Where it says that they come from.
    origin: String,
    cookies: Mutex<HashMap<String, String>>,
}

/// An answer with its body read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

impl Client {
    /// A client of the site at `origin`, not signed in.
    pub(crate) fn new(origin: &str) -> Self {
        let client = reqwest::Client::builder().redirect(Policy::none()).build();
        Self {
            http: client.expect("a client without special wishes"),
            target: origin.to_owned(),
            origin: origin.to_owned(),
            cookies: Mutex::default(),
        }
    }

    /// The same, talking to one replica alone.
    pub(crate) fn at(mut self, replica: &Server) -> Self {
        self.target = format!("http://{}", replica.address);
        self
    }

    /// The same with these cookies.
    pub(crate) fn with_cookies(self, cookies: &[(String, String)]) -> Self {
        self.cookies
            .lock()
            .expect("no test panics here")
            .extend(cookies.iter().cloned());
        self
    }

    /// Its cookies, for somebody who uses them elsewhere.
    pub(crate) fn cookies(&self) -> Vec<(String, String)> {
        let cookies = self.cookies.lock().expect("no test panics here");
        cookies.clone().into_iter().collect()
    }

    /// Signs in.
    ///
    /// # Panics
    /// If that is refused.
    pub(crate) async fn sign_in(self, username: &str, password: &str) -> Self {
        let fields = [
            ("username", username),
            ("password", password),
            ("next", "/"),
        ];
        let answer = self.post("/login", &fields).await;
        assert_eq!(answer.status, 303, "{username} signs in: {}", answer.body);
        self
    }

    /// Reads a page.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &[]).await
    }

    /// Sends a form as the site's own pages do.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.origin.clone();
        let headers = [
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
        ];
        self.send(Method::POST, path, fields, &headers).await
    }

    /// Follows what moves, until the answer is let go of.
    pub(crate) async fn open_stream(&self) -> Response {
        let request = self.http.get(format!("{}/live", self.target));
        let request = request
            .header("accept", "text/event-stream")
            .header("cookie", self.cookie_header());
        let mut answer = request.send().await.expect("the server answers");
        assert_eq!(answer.status(), 200);
        let opening = answer.chunk().await.expect("a stream");
        assert!(opening.is_some(), "a stream that lives");
        answer
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.target));
        request = request
            .header("accept", "text/html")
            .header("cookie", self.cookie_header());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == Method::POST {
            request = request.form(fields);
        }
        let response = request.send().await.expect("the server answers");
        self.keep_cookies(&response);
        let location = response.headers().get("location");
        Answer {
            status: response.status().as_u16(),
            location: location
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            body: response.text().await.expect("a text"),
        }
    }

    fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().expect("no test panics here");
        let pairs: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    fn keep_cookies(&self, response: &Response) {
        let mut kept = self.cookies.lock().expect("no test panics here");
        for set in response.headers().get_all("set-cookie") {
            let pair = set.to_str().ok().and_then(|set| set.split(';').next());
            if let Some((name, value)) = pair.and_then(|pair| pair.split_once('=')) {
                kept.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The value of the first hidden field with this name in a page.
///
/// # Panics
/// If there is none.
pub(crate) fn hidden_field(page: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let (_, rest) = page
        .split_once(&mark)
        .unwrap_or_else(|| panic!("no field {name} in {page}"));
    rest.split('"').next().unwrap_or_default().to_owned()
}

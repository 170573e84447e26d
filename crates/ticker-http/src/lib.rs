//! Ticker over HTTP: pages for people, health for orchestrators, metrics for Prometheus. Everything here
//! is translation; what is decided, is decided to the left of this crate, and SQL is out of its reach.
//!
//! # Serving
//!
//! ```no_run
//! # use std::{error::Error, sync::Arc};
//! # use ticker_app::{App, AppSettings, SystemClock};
//! # use ticker_auth::SessionStore;
//! use ticker_http::{HttpSettings, Metrics, Origin, Readiness, Web};
//!
//! # fn example(app: App, app_settings: AppSettings, sessions: SessionStore) -> Result<(), Box<dyn Error>> {
//! let metrics = Metrics::install(env!("CARGO_PKG_VERSION"), None)?;
//! let origins = vec![Origin::parse("https://stock.example.com")?];
//! let settings = HttpSettings::new(origins, false, "10.0.0.0/8".parse()?)?;
//! let readiness = Readiness::new();
//! let web = Web::new(app.clone(), Arc::new(SystemClock), app_settings, readiness.clone());
//! let public = ticker_http::service(web, sessions, &settings);
//! let private = ticker_http::metrics_service(metrics.clone(), app);
//! // Beside them runs `metrics.keep_up()`, and shutting down begins with `readiness.drain()`.
//! # Ok(()) }
//! ```
//!
//! Whoever serves `public` puts a [`PeerAddress`] into the extensions of each request. What a request
//! passes on its way stands at [`service()`].
//!
//! # Adding a page
//!
//! 1. A handler in `pages::<feature>` says in its signature what it needs, and answers a `PageResult`:
//!
//!    ```text
//!    async fn show(State(web): State<Web>, May(by): May<StockView>, Id(id): Id<ItemId>) -> PageResult
//!    ```
//!
//!    `May` is the proof that `ticker-app` asks for. `Id`, `Query` and `Form` refuse what cannot be
//!    read with a page of ours; what a person typed wrong is the handler's to show again. `?` turns an
//!    application's error into an answer: which one, says `error::HttpError`, and nobody else.
//! 2. `routes::pages` registers it with its access, which is checked before the handler runs. The test
//!    `access::every_route_is_for_whom_it_says` then shows its answers to every role; look at them, and
//!    accept the snapshot.
//! 3. A message for the page after a redirect goes through `flash`; a path to go back to, through
//!    `next::LocalPath`; a file that the page loads is named by `assets::url`.

mod access;
mod assets;
mod client_address;
mod csrf;
mod error;
mod flash;
mod form;
mod health;
mod limits;
mod live;
mod metrics;
mod next;
mod observe;
mod pages;
mod path;
mod preferences;
mod query;
mod request;
mod request_id;
mod routes;
mod security_headers;
mod service;
mod sessions;
mod settings;
mod state;

pub use self::access::Access;
pub use self::client_address::{BadTrustedProxies, PeerAddress, TrustedProxies};
pub use self::health::Readiness;
pub use self::metrics::{Metrics, metrics_service};
pub use self::routes::{Route, all as routes};
pub use self::service::service;
pub use self::settings::{BadOrigin, HttpSettings, HttpSettingsError, Origin};
pub use self::state::Web;

//! The routes of the public listener, and who may use each.

use std::sync::LazyLock;
use std::time::Duration;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn;
use axum::routing::{MethodRouter, get, post};
use http::{Method, StatusCode};

use ticker_domain::permission::{
    BulkApply, GroupManage, ItemArchive, ItemCreate, ItemEdit, PasswordChange, StockAdjust,
    StockView, UserEnroll,
};
use tower_http::timeout::TimeoutLayer;

use crate::access::{Access, require};
use crate::limits::SOON;
use crate::pages::{
    account, adjust, archive, bulk, enroll, group, history, inventory, item, item_new, labels,
    login, preferences, scan, shortcuts, transfer, undo,
};
use crate::state::Web;
use crate::{assets, health, live};

/// The pages.
pub(crate) fn pages() -> Routes {
    let view = Access::may::<StockView>();
    let adjusting = Access::may::<StockAdjust>();
    let creating = Access::may::<ItemCreate>();
    let archiving = Access::may::<ItemArchive>();
    let bulk_changing = Access::may::<BulkApply>();
    let arranging = Access::may::<GroupManage>();
    let enrolling = Access::may::<UserEnroll>();
    let own_password = Access::may::<PasswordChange>();
    Routes::new()
        .get("/login", Access::ANYONE, login::show)
        .post("/login", Access::ANYONE, login::sign_in)
        .post("/logout", Access::ANYONE, login::sign_out)
        .post("/preferences", Access::ANYONE, preferences::choose)
        .get("/", view, inventory::list)
        .post("/demo", creating, inventory::load_demo)
        .get("/items/new", creating, item_new::show)
        .post("/items", creating, item_new::add)
        .get("/items/{id}", view, item::show)
        .post("/items/{id}", Access::may::<ItemEdit>(), item::edit)
        .get("/items/{id}/adjust", adjusting, adjust::show)
        .post_soon("/items/{id}/adjust", adjusting, adjust::adjust)
        .get("/items/{id}/transfer", adjusting, transfer::show)
        .post_soon("/items/{id}/transfer", adjusting, transfer::transfer)
        .post_soon("/postings/{id}/undo", adjusting, undo::undo)
        .get("/items/{id}/history", view, history::list)
        .get("/items/{id}/labels", view, labels::show)
        .get("/items/{id}/archive", archiving, archive::confirm)
        .post("/items/{id}/archive", archiving, archive::archive)
        .post("/items/{id}/restore", archiving, archive::restore)
        .get("/scan", adjusting, scan::show)
        .post_soon("/scan", adjusting, scan::scan)
        .get("/shortcuts", view, shortcuts::show)
        .get("/history.csv", view, history::export::export)
        .get("/live", view, live::follow)
        .get("/inventory.csv", view, inventory::export::export)
        .get("/inventory/counts", view, inventory::counts)
        .get("/bulk", bulk_changing, bulk::show)
        .post("/bulk", bulk_changing, bulk::apply)
        .get("/bulk/{id}", bulk_changing, bulk::done)
        .get("/bulk/{id}/undo", bulk_changing, bulk::undo::show)
        .post("/bulk/{id}/undo", bulk_changing, bulk::undo::apply)
        .get("/locations", arranging, group::list)
        .post("/locations", arranging, group::add)
        .get("/locations/{id}", arranging, group::show)
        .post("/locations/{id}", arranging, group::rename)
        .post("/locations/{id}/archive", arranging, group::archive)
        .post("/locations/{id}/restore", arranging, group::restore)
        .get("/locations/{id}/merge", arranging, group::merge::show)
        .post("/locations/{id}/merge", arranging, group::merge::merge)
        .get("/categories", arranging, group::list)
        .post("/categories", arranging, group::add)
        .get("/categories/{id}", arranging, group::show)
        .post("/categories/{id}", arranging, group::rename)
        .post("/categories/{id}/archive", arranging, group::archive)
        .post("/categories/{id}/restore", arranging, group::restore)
        .get("/categories/{id}/merge", arranging, group::merge::show)
        .post("/categories/{id}/merge", arranging, group::merge::merge)
        .get("/enroll", enrolling, enroll::show)
        .post("/enroll", enrolling, enroll::enroll)
        .get("/account/password", own_password, account::show)
        .post("/account/password", own_password, account::change_password)
}

/// What needs no session: health, and what pages load.
pub(crate) fn plain() -> Routes {
    Routes::new()
        .get("/healthz", Access::ANYONE, health::alive)
        .get("/readyz", Access::ANYONE, health::ready)
        .get("/startz", Access::ANYONE, health::started)
        .get("/assets/{file}", Access::ANYONE, assets::serve)
        .get("/favicon.ico", Access::ANYONE, assets::favicon)
}

static ALL: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let (_, pages) = pages().into_parts();
    let (_, plain) = plain().into_parts();
    pages.into_iter().chain(plain).collect()
});

/// Every route of the public listener.
#[must_use]
pub fn all() -> &'static [Route] {
    &ALL
}

/// The registered path that a request's route has.
pub(crate) fn template(matched: &str) -> Option<&'static str> {
    all()
        .iter()
        .find(|route| route.path == matched)
        .map(|route| route.path)
}

/// Whether a route's requests are too many and too alike to be logged by default.
pub(crate) fn is_quiet(path: &str) -> bool {
    matches!(
        path,
        "/healthz" | "/readyz" | "/startz" | "/assets/{file}" | "/favicon.ico"
    )
}

/// A route as it was registered.
#[derive(Clone, Debug)]
pub struct Route {
    /// The method. `GET` answers `HEAD` as well.
    pub method: Method,
    /// The path, with `{…}` where it varies. Metrics and logs name routes so.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Registers routes and remembers them. There is no way to a handler that does not say who may use it,
/// and whoever may not is turned away before the handler runs.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<Web>,
    recorded: Vec<Route>,
}

impl Routes {
    /// None.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Registers a handler for `GET` and `HEAD`, which answers soon or not at all.
    pub(crate) fn get<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Web>,
        T: 'static,
    {
        self.add(Method::GET, path, access, get(handler), Some(SOON))
    }

    /// Registers a handler for `POST` that may take its time: it hashes passwords, or changes what nothing
    /// can be answered about before it is changed.
    pub(crate) fn post<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Web>,
        T: 'static,
    {
        self.add(Method::POST, path, access, post(handler), None)
    }

    /// Registers a handler for `POST` that answers soon or not at all: what it began goes on without it.
    pub(crate) fn post_soon<H, T>(self, path: &'static str, access: Access, handler: H) -> Self
    where
        H: Handler<T, Web>,
        T: 'static,
    {
        self.add(Method::POST, path, access, post(handler), Some(SOON))
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: MethodRouter<Web>,
        limit: Option<Duration>,
    ) -> Self {
        let guard = from_fn(move |request, next| require(access, request, next));
        let mut handler = handler.route_layer(guard);
        if let Some(limit) = limit {
            // Around the guard, which may have to wait for the database, too.
            handler = handler.route_layer(TimeoutLayer::with_status_code(
                StatusCode::SERVICE_UNAVAILABLE,
                limit,
            ));
        }
        self.router = self.router.route(path, handler);
        self.recorded.push(Route {
            method,
            path,
            access,
        });
        self
    }

    /// The router, and what was registered with it.
    pub(crate) fn into_parts(self) -> (Router<Web>, Vec<Route>) {
        (self.router, self.recorded)
    }
}

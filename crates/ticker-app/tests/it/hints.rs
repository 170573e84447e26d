//! What one process changes, the others hear of.

use std::time::Instant;

use ticker_auth::{Anyone, Operator, SESSION_CACHE_AGE_MAX, SessionStore, SignIn};
use ticker_domain::user::Role;
use ticker_testkit::{TestDatabase, TestUser};
use tokio_util::task::TaskTracker;
use tower_sessions::SessionStore as _;
use tower_sessions::session::Id;

/// A session of a user that the store's process remembers.
async fn remembered(db: &TestDatabase, store: &SessionStore, user: &TestUser) -> Id {
    let session = db.session(None);
    let sign_in = SignIn::checked(user.id, 1);
    sign_in.begin_session(&session).await.unwrap();
    let id = session.id().unwrap();
    assert!(store.signed_in(id).await.unwrap().is_some());
    id
}

/// Waits until the store says that the session has ended, for less than it could remember it for.
async fn until_ended(store: &SessionStore, id: Id) {
    let begun = Instant::now();
    while store.signed_in(id).await.unwrap().is_some() {
        assert!(begun.elapsed() < SESSION_CACHE_AGE_MAX, "nobody was told");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_session_that_ends_in_one_process_is_forgotten_in_the_others() {
    let db = TestDatabase::new().await;
    let (here, there) = (db.app(), db.app());
    let own_store = db.session_store_with(here.session_cache());
    let other_store = db.session_store_with(there.session_cache());
    let listening = TaskTracker::new();
    listening.spawn(async move { there.listen(Anyone).await });
    let listener = "select pid from pg_stat_activity
                    where datname = current_database() and query like 'LISTEN%' and state = 'idle'";
    db.until(listener, 1).await;

    let ana = db.user_named("ana", "Ana Bell", Role::Staff).await;
    let signed_out = remembered(&db, &other_store, &ana).await;
    own_store.delete(&signed_out).await.unwrap();
    until_ended(&other_store, signed_out).await;

    let disabled = remembered(&db, &other_store, &ana).await;
    here.set_disabled(&Operator, "ana", true).await.unwrap();
    until_ended(&other_store, disabled).await;
}

#[tokio::test]
async fn a_process_forgets_at_once_what_it_has_changed_itself() {
    let db = TestDatabase::new().await;
    let app = db.app();
    let store = db.session_store_with(app.session_cache());
    let ana = db.user_named("ana", "Ana Bell", Role::Staff).await;
    let id = remembered(&db, &store, &ana).await;
    app.set_role(&Operator, "ana", Role::Manager).await.unwrap();
    assert_eq!(store.signed_in(id).await.unwrap(), None);
}

//! Sessions behind tower-sessions: they begin at sign-in, under an id of their own, and end for good.

use ticker_auth::{SignIn, SignedIn};
use ticker_domain::user::Role;
use ticker_testkit::{TestDatabase, TestUser};
use tower_sessions::Session;
use tower_sessions::session::Id;

/// A database in which nobody is signed in.
async fn signed_out() -> (TestDatabase, TestUser) {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana Bell", Role::Manager).await;
    db.sql("delete from sessions").await;
    (db, ana)
}

async fn begin(session: &Session, user: &TestUser) -> Id {
    SignIn::checked(user.id, 1)
        .begin_session(session)
        .await
        .unwrap();
    session.id().unwrap()
}

async fn whose(db: &TestDatabase, id: Id) -> Option<SignedIn> {
    db.whose(id).await
}

#[tokio::test]
async fn a_session_is_its_users_as_they_stand() {
    let (db, ana) = signed_out().await;
    let id = begin(&db.session(None), &ana).await;
    let signed_in = whose(&db, id).await.unwrap();
    assert_eq!((signed_in.id, signed_in.username.as_str()), (ana.id, "ana"));
    assert_eq!(
        (signed_in.display_name.as_str(), signed_in.role),
        ("Ana Bell", Role::Manager)
    );
    db.sql("update users set display_name = 'Ana Horn'").await;
    assert_eq!(whose(&db, id).await.unwrap().display_name, "Ana Horn");
    db.sql("update users set role = 'staff', auth_epoch = 2")
        .await;
    assert_eq!(whose(&db, id).await, None);
    assert_eq!(whose(&db, Id::default()).await, None);
}

#[tokio::test]
async fn signing_in_leaves_the_id_that_one_came_with() {
    let (db, ana) = signed_out().await;
    let mallory = db.user(Role::Staff).await;
    db.sql("delete from sessions").await;
    // Whether the page has looked into the session before or not.
    for looked in [false, true] {
        // An id that somebody planted: of no session, and of a live one of their own.
        for planted in [Id::default(), begin(&db.session(None), &mallory).await] {
            let session = db.session(Some(planted));
            if looked {
                session.load().await.unwrap();
            }
            let id = begin(&session, &ana).await;
            assert_ne!(id, planted);
            assert_eq!(whose(&db, planted).await, None);
            assert_eq!(whose(&db, id).await.unwrap().id, ana.id);
        }
    }
    assert_eq!(
        db.texts("select distinct user_id from sessions").await,
        [ana.id.to_string()]
    );
}

#[tokio::test]
async fn the_database_holds_neither_the_cookie_nor_whose_it_is_twice() {
    let (db, ana) = signed_out().await;
    let session = db.session(None);
    let id = begin(&session, &ana).await;
    session.insert("note", "Hello").await.unwrap();
    session.save().await.unwrap();
    assert_eq!(db.texts("select data from sessions").await, ["{}"]);
    let cookie =
        id.0.to_be_bytes()
            .map(|byte| format!("{byte:02x}"))
            .concat();
    let stored = db
        .texts("select encode(id_hash, 'hex') from sessions")
        .await
        .remove(0);
    assert!(!stored.contains(&cookie[..16]), "{stored}");
}

#[tokio::test]
async fn a_late_request_does_not_bring_a_session_back() {
    let (db, ana) = signed_out().await;
    let id = begin(&db.session(None), &ana).await;
    let late = db.session(Some(id));
    late.insert("note", "Too late").await.unwrap();
    db.session(Some(id)).flush().await.unwrap();
    late.save().await.unwrap();
    assert_eq!(whose(&db, id).await, None);
    assert_eq!(db.texts("select count(*) from sessions").await, ["0"]);
}

#[tokio::test]
async fn nobody_has_a_session_without_signing_in() {
    let (db, _) = signed_out().await;
    let session = db.session(None);
    session.insert("note", "Hello").await.unwrap();
    session.save().await.unwrap_err();
    assert_eq!(db.texts("select count(*) from sessions").await, ["0"]);
}

#[tokio::test]
async fn a_sign_in_that_was_overtaken_by_a_change_of_rights_begins_nothing() {
    let (db, ana) = signed_out().await;
    let checked = SignIn::checked(ana.id, 1);
    db.sql("update users set auth_epoch = 2").await;
    let session = db.session(None);
    checked.begin_session(&session).await.unwrap();
    assert_eq!(whose(&db, session.id().unwrap()).await, None);
}

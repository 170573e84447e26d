//! Sessions: they live by the database's clock and their user's rights, and nothing revives them.

use std::time::Duration;

use ticker_domain::id::UserId;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_postgres::sessions::{LiveSession, SessionLifetime};
use ticker_testkit::{TestDatabase, TestUser};

const ID: [u8; 32] = [7; 32];
const LIFETIME: SessionLifetime = SessionLifetime {
    idle: Duration::from_hours(12),
    absolute: Duration::from_hours(168),
};

/// A user with the session [`ID`] and no other.
async fn signed_in() -> (TestDatabase, TestUser) {
    let db = TestDatabase::new().await;
    let user = db.user_named("ana", "Ana Bell", Role::Manager).await;
    let mut connection = db.connect().await;
    connection.sessions().delete_of_user(user.id).await.unwrap();
    assert!(connection.sessions().insert(&ID, user.id, 1).await.unwrap());
    (db, user)
}

async fn live(db: &TestDatabase) -> Option<LiveSession> {
    db.connect()
        .await
        .sessions()
        .find_live(&ID, LIFETIME)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_live_session_tells_whose_it_is() {
    let (db, user) = signed_in().await;
    let session = live(&db).await.unwrap();
    assert_eq!((session.user, session.username.as_str()), (user.id, "ana"));
    assert_eq!(
        (session.display_name.as_str(), session.role),
        ("Ana Bell", Role::Manager)
    );
    assert_eq!(
        (session.auth_epoch, session.must_change_password),
        (1, false)
    );
    let other = db
        .connect()
        .await
        .sessions()
        .find_live(&[8; 32], LIFETIME)
        .await
        .unwrap();
    assert!(other.is_none());
}

#[tokio::test]
async fn an_id_is_given_once_and_to_somebody() {
    let (db, user) = signed_in().await;
    let other = db.user(Role::Staff).await;
    let mut connection = db.connect().await;
    assert!(
        !connection
            .sessions()
            .insert(&ID, other.id, 1)
            .await
            .unwrap()
    );
    assert_eq!(live(&db).await.unwrap().user, user.id);
    let error = connection
        .sessions()
        .insert(&[9; 32], UserId(99), 1)
        .await
        .unwrap_err();
    assert_eq!(error.constraint(), Some("sessions_user_id_fkey"));
}

#[tokio::test]
async fn it_dies_of_idleness_of_age_and_with_its_users_rights() {
    let (db, _) = signed_in().await;
    for (death, sql, undo) in [
        (
            "idle",
            "update sessions set last_seen_at = now() - interval '12 hours 1 second'",
            "update sessions set last_seen_at = now()",
        ),
        (
            "old",
            "update sessions set created_at = now() - interval '168 hours 1 second'",
            "update sessions set created_at = now()",
        ),
        (
            "disabled",
            "update users set disabled_at = now()",
            "update users set disabled_at = null",
        ),
        (
            "epoch",
            "update users set auth_epoch = 2",
            "update users set auth_epoch = 1",
        ),
    ] {
        assert!(live(&db).await.is_some(), "before {death}");
        db.sql(sql).await;
        assert!(live(&db).await.is_none(), "after {death}");
        db.sql(undo).await;
    }
    db.sql(
        "update sessions set last_seen_at = now() - interval '11 hours 59 minutes',
                created_at = now() - interval '167 hours 59 minutes'",
    )
    .await;
    assert!(live(&db).await.is_some(), "just within its lifetime");
}

#[tokio::test]
async fn being_seen_is_noted_once_a_minute() {
    let (db, user) = signed_in().await;
    let age = "select now() - last_seen_at < interval '10 seconds' from sessions";
    db.sql("update sessions set last_seen_at = now() - interval '50 seconds'")
        .await;
    live(&db).await.unwrap();
    assert_eq!(db.texts(age).await, ["false"]);
    db.sql("update sessions set last_seen_at = now() - interval '70 seconds'")
        .await;
    live(&db).await.unwrap();
    assert_eq!(db.texts(age).await, ["true"]);
    let users = db.connect().await.users().list().await.unwrap();
    assert!(
        users
            .iter()
            .any(|listed| listed.id == user.id && listed.last_seen_at.is_some())
    );
}

#[tokio::test]
async fn a_session_that_was_deleted_is_gone() {
    let (db, _) = signed_in().await;
    let mut connection = db.connect().await;
    for _ in 0..2 {
        connection.sessions().delete(&ID).await.unwrap();
        assert!(live(&db).await.is_none());
    }
}

#[tokio::test]
async fn the_dead_are_forgotten_and_only_they() {
    let (db, user) = signed_in().await;
    let mut connection = db.connect().await;
    for (id, idle_hours, age_hours) in [([1; 32], 13, 14), ([2; 32], 0, 169), ([3; 32], 11, 167)] {
        connection.sessions().insert(&id, user.id, 1).await.unwrap();
        let hex = format!("{:02x}", id[0]).repeat(32);
        db.sql(&format!(
            "update sessions set last_seen_at = now() - interval '{idle_hours} hours',
                 created_at = now() - interval '{age_hours} hours' where id_hash = '\\x{hex}'"
        ))
        .await;
    }
    assert_eq!(
        connection
            .sessions()
            .delete_expired(LIFETIME)
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        connection
            .sessions()
            .delete_expired(LIFETIME)
            .await
            .unwrap(),
        0
    );
    assert_eq!(db.texts("select count(*) from sessions").await, ["2"]);

    let other = db.user(Role::Staff).await;
    connection.sessions().delete_of_user(user.id).await.unwrap();
    assert_eq!(
        db.texts("select user_id from sessions").await,
        [other.id.to_string()]
    );
}

//! Users: names that nobody can share or imitate, and the epoch that counts changes of rights.

use ticker_domain::id::UserId;
use ticker_domain::user::{DisplayName, Role, Username};
use ticker_postgres::Access as _;
use ticker_postgres::users::{NewUser, StoreUserError, User};
use ticker_testkit::TestDatabase;
use uuid::Uuid;

async fn insert(
    db: &TestDatabase,
    name: &str,
    key: Option<Uuid>,
) -> Result<UserId, StoreUserError> {
    let (username, display_name) = (
        Username::parse(name).unwrap(),
        DisplayName::parse("Somebody").unwrap(),
    );
    let user = NewUser {
        username: &username,
        display_name: &display_name,
        role: Role::Manager,
        password_hash: "hash",
        must_change_password: true,
        enrollment_key: key,
    };
    db.connect().await.users().insert(user).await
}

async fn find(db: &TestDatabase, id: UserId) -> User {
    let users = db.connect().await.users().list().await.unwrap();
    users.into_iter().find(|user| user.id == id).unwrap()
}

#[tokio::test]
async fn a_user_is_found_as_they_were_enrolled() {
    let db = TestDatabase::new().await;
    let key = Uuid::new_v4();
    let id = insert(&db, "Zoë", Some(key)).await.unwrap();
    let user = find(&db, id).await;
    assert_eq!(
        (user.username.as_str(), user.display_name.as_str()),
        ("Zoë", "Somebody")
    );
    assert_eq!(
        (user.role, user.must_change_password, user.auth_epoch),
        (Role::Manager, true, 1)
    );
    assert_eq!((user.disabled_at, user.last_seen_at), (None, None));

    let mut connection = db.connect().await;
    let credentials = connection
        .users()
        .credentials("zoë")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (credentials.id, credentials.password_hash.as_str()),
        (id, "hash")
    );
    assert_eq!((credentials.auth_epoch, credentials.disabled), (1, false));
    assert!(
        connection
            .users()
            .credentials("zoe")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        connection
            .users()
            .find_by_enrollment_key(key)
            .await
            .unwrap(),
        Some(id)
    );
    assert_eq!(
        connection
            .users()
            .find_by_enrollment_key(Uuid::new_v4())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        connection
            .users()
            .password_hash(id)
            .await
            .unwrap()
            .as_deref(),
        Some("hash")
    );
    assert_eq!(
        connection.users().password_hash(UserId(99)).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn nobody_shares_a_name_or_a_likeness() {
    let db = TestDatabase::new().await;
    let key = Uuid::new_v4();
    insert(&db, "coco", Some(key)).await.unwrap();
    let error = insert(&db, "COCO", None).await.unwrap_err();
    assert!(matches!(error, StoreUserError::UsernameTaken), "{error:?}");
    let error = insert(&db, "сосо", None).await.unwrap_err();
    assert!(
        matches!(error, StoreUserError::UsernameLooksTaken),
        "in Cyrillic: {error:?}"
    );
    let error = insert(&db, "other", Some(key)).await.unwrap_err();
    assert!(matches!(error, StoreUserError::EnrolledBefore), "{error:?}");
    // Without a key nobody was enrolled before.
    insert(&db, "ben", None).await.unwrap();
    insert(&db, "eve", None).await.unwrap();
    let users = db.connect().await.users().list().await.unwrap();
    let names: Vec<&str> = users.iter().map(|user| user.username.as_str()).collect();
    assert_eq!(names, ["ben", "coco", "eve"]);
}

#[tokio::test]
async fn what_changes_rights_begins_an_epoch_and_what_does_not_leaves_it() {
    let db = TestDatabase::new().await;
    let id = insert(&db, "ana", None).await.unwrap();
    let mut connection = db.connect().await;
    let mut epochs = Vec::new();
    macro_rules! after {
        ($change:ident $(, $argument:expr)*) => {
            connection.users().$change(id $(, $argument)*).await.unwrap();
            epochs.push((stringify!($change), find(&db, id).await.auth_epoch));
        };
    }
    after!(set_role, Role::Staff);
    after!(set_role, Role::Staff);
    after!(set_disabled, true);
    after!(set_disabled, true);
    after!(set_disabled, false);
    after!(set_password, "new hash", false);
    after!(rehash_password, "new hash", "newer hash");
    let expected = [
        ("set_role", 2),
        ("set_role", 2),
        ("set_disabled", 3),
        ("set_disabled", 3),
        ("set_disabled", 4),
        ("set_password", 5),
        ("rehash_password", 5),
    ];
    assert_eq!(epochs, expected);
    let user = find(&db, id).await;
    assert_eq!((user.role, user.must_change_password), (Role::Staff, false));
    assert!(user.disabled_at.is_none());
}

#[tokio::test]
async fn a_rehash_does_not_undo_a_change_of_password() {
    let db = TestDatabase::new().await;
    let id = insert(&db, "ana", None).await.unwrap();
    let mut connection = db.connect().await;
    assert_eq!(
        connection
            .users()
            .set_password(id, "changed", false)
            .await
            .unwrap(),
        2
    );
    connection
        .users()
        .rehash_password(id, "hash", "rehashed")
        .await
        .unwrap();
    assert_eq!(
        connection
            .users()
            .password_hash(id)
            .await
            .unwrap()
            .as_deref(),
        Some("changed")
    );
}

#[tokio::test]
async fn the_disabled_hold_no_epoch() {
    let db = TestDatabase::new().await;
    let id = insert(&db, "ana", None).await.unwrap();
    let mut tx = db.database().begin().await.unwrap();
    assert_eq!(tx.users().hold_epoch(id).await.unwrap(), Some(1));
    assert_eq!(tx.users().hold_epoch(UserId(99)).await.unwrap(), None);
    tx.users().set_disabled(id, true).await.unwrap();
    assert_eq!(tx.users().hold_epoch(id).await.unwrap(), None);
    assert_eq!(
        tx.users().lock_epoch_for_rights_change(id).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_change_of_rights_sees_who_is_still_an_admin() {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana", Role::Admin).await;
    let ben = db.user_named("ben", "Ben", Role::Admin).await;
    let cem = db.user_named("cem", "Cem", Role::Staff).await;
    let gone = db.user_named("gone", "Gone", Role::Admin).await;
    let mut tx = db.database().begin().await.unwrap();
    tx.users().set_disabled(gone.id, true).await.unwrap();
    for (name, target) in [
        ("ana", Some(ana.id)),
        ("cem", Some(cem.id)),
        ("gone", Some(gone.id)),
        ("who", None),
    ] {
        let locked = tx.users().lock_for_rights_change(name).await.unwrap();
        assert_eq!(
            (locked.target, locked.enabled_admins),
            (target, vec![ana.id, ben.id])
        );
    }
}

#[tokio::test]
async fn two_changes_of_rights_take_turns_and_the_second_sees_the_first() {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana", Role::Admin).await;
    let ben = db.user_named("ben", "Ben", Role::Admin).await;
    let mut first = db.database().begin().await.unwrap();
    first.users().lock_for_rights_change("ana").await.unwrap();
    first.users().set_role(ana.id, Role::Staff).await.unwrap();
    let second = async {
        let mut second = db.database().begin().await.unwrap();
        second.users().lock_for_rights_change("ben").await.unwrap()
    };
    let end_first = async {
        db.until_blocked(1).await;
        first.commit().await.unwrap();
    };
    let (seen, ()) = tokio::join!(second, end_first);
    assert_eq!(
        (seen.target, seen.enabled_admins),
        (Some(ben.id), vec![ben.id])
    );
}

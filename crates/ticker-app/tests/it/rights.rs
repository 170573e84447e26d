//! Rights that are taken while somebody is at it: nothing is admitted any more, and an admin stays.

use ticker_app::user::{AdministerUserError, Enrollment};
use ticker_app::{ErrorKind, Failure};
use ticker_auth::Operator;
use ticker_domain::permission::{
    ItemArchive, ItemCreate, ItemEdit, PasswordChange, StockAdjust, UserAdminister, UserEnroll,
};
use ticker_domain::user::{DisplayName, Role, Username};
use ticker_testkit::{PASSWORD, TestDatabase, key};

use crate::items::{form, new};
use crate::stock::change;

/// Every operation that changes something, under grants from before.
#[tokio::test]
async fn whoever_lost_their_rights_changes_nothing_any_more() {
    let db = TestDatabase::new().await;
    let (app, ana) = (
        db.app(),
        db.user_named("ana", "Ana Bell", Role::Admin).await,
    );
    db.user_named("ben", "Ben Chan", Role::Admin).await;
    let item = db.item("AA batteries").sku("BAT-AA").stock(10).await;
    app.set_role(&Operator, "ana", Role::Staff).await.unwrap();
    let before = db
        .texts("select (u, i) from users u, items i order by 1")
        .await;

    let enrollment = Enrollment {
        key: None,
        username: Username::parse("eve").unwrap(),
        display_name: DisplayName::parse("Eve").unwrap(),
        role: Role::Admin,
        password: PASSWORD.into(),
        must_change_password: false,
    };
    let (edit, create) = (ana.grant::<ItemEdit>(), ana.grant::<ItemCreate>());
    let (archive, administer) = (ana.grant::<ItemArchive>(), ana.grant::<UserAdminister>());
    let own = ana.grant::<PasswordChange>();
    let new_password = "another seventeen herons".into();
    let kinds = [
        app.adjust_stock(&ana.grant::<StockAdjust>(), change(item.level(), -1))
            .await
            .unwrap_err()
            .kind(),
        app.add_item(&create, new(key(), form("X", "X"), 5))
            .await
            .unwrap_err()
            .kind(),
        app.edit_item(&edit, item.id, 1, form("AA cells", "BAT-AA"))
            .await
            .unwrap_err()
            .kind(),
        app.archive_item(&archive, item.id)
            .await
            .unwrap_err()
            .kind(),
        app.restore_item(&archive, item.id)
            .await
            .unwrap_err()
            .kind(),
        app.enroll_user(&ana.grant::<UserEnroll>(), enrollment)
            .await
            .unwrap_err()
            .kind(),
        app.set_role(&administer, "ana", Role::Admin)
            .await
            .unwrap_err()
            .kind(),
        app.set_disabled(&administer, "ben", true)
            .await
            .unwrap_err()
            .kind(),
        app.reset_password(&administer, "ben", &new_password, false)
            .await
            .unwrap_err()
            .kind(),
        app.change_password(&own, &PASSWORD.into(), &new_password)
            .await
            .unwrap_err()
            .kind(),
    ];
    assert_eq!(kinds, [ErrorKind::RightsChanged; 10]);
    assert_eq!(
        db.texts("select (u, i) from users u, items i order by 1")
            .await,
        before
    );
    assert_eq!(db.texts("select count(*) from movements").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_admins_cannot_take_each_others_rights_at_once() {
    let db = TestDatabase::new().await;
    let (ana, ben) = (
        db.user_named("ana", "Ana Bell", Role::Admin).await,
        db.user_named("ben", "Ben Chan", Role::Admin).await,
    );
    let (one, other) = (db.app(), db.app());
    for round in 0..12 {
        let demote = round % 2 == 0;
        let ends = async |app: &ticker_app::App, username: &str| {
            if demote {
                app.set_role(&Operator, username, Role::Staff).await
            } else {
                app.set_disabled(&Operator, username, true).await
            }
        };
        let (first, second) = tokio::join!(ends(&one, "ana"), ends(&other, "ben"));
        let refused = match (first, second) {
            (Ok(()), Err(refused)) | (Err(refused), Ok(())) => refused,
            both => panic!("{both:?}"),
        };
        assert!(
            matches!(refused, AdministerUserError::LastAdmin(_)),
            "{refused:?}"
        );
        let left = "select count(*) from users where role = 'admin' and disabled_at is null";
        assert_eq!(db.texts(left).await, ["1"]);
        db.sql("update users set role = 'admin', disabled_at = null")
            .await;
    }

    // By each other, the second is no admin any more when it is their turn.
    let (of_ana, of_ben) = (fresh(&db, ana.id).await, fresh(&db, ben.id).await);
    let (first, second) = tokio::join!(
        one.set_role(&of_ana, "ben", Role::Staff),
        other.set_role(&of_ben, "ana", Role::Staff)
    );
    let refused = if first.is_ok() { second } else { first };
    let refused = refused.unwrap_err();
    assert!(
        matches!(
            refused,
            AdministerUserError::Failure(Failure::RightsChanged)
        ),
        "{refused:?}"
    );
}

async fn fresh(
    db: &TestDatabase,
    user: ticker_domain::id::UserId,
) -> ticker_auth::Grant<UserAdminister> {
    db.sign_in(user).await.unwrap().grant().unwrap()
}

#[tokio::test]
async fn the_last_admin_stays_one() {
    let db = TestDatabase::new().await;
    let app = db.app();
    db.user_named("ana", "Ana Bell", Role::Admin).await;
    db.user_named("ben", "Ben Chan", Role::Admin).await;
    app.set_disabled(&Operator, "ben", true).await.unwrap();
    let refused = app
        .set_role(&Operator, "ana", Role::Manager)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, AdministerUserError::LastAdmin(name) if name == "ana"),
        "{refused:?}"
    );
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    app.set_disabled(&Operator, "ANA", true).await.unwrap_err();
    // What does not make them less of an admin is fine, and so is a disabled admin's demotion.
    app.set_role(&Operator, "ana", Role::Admin).await.unwrap();
    app.set_disabled(&Operator, "ana", false).await.unwrap();
    app.set_role(&Operator, "ben", Role::Staff).await.unwrap();
    let missing = app
        .set_role(&Operator, "nobody", Role::Staff)
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let missing = app
        .set_role(&Operator, "no\0body", Role::Staff)
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing:?}");
}

#[tokio::test]
async fn a_change_of_rights_ends_the_sessions() {
    let db = TestDatabase::new().await;
    let app = db.app();
    let password = "another seventeen herons".into();
    for change in ["role", "disable", "password"] {
        let ana = db.user_named(change, "Ana Bell", Role::Staff).await;
        let session = db.session(None);
        ticker_auth::SignIn::checked(ana.id, 1)
            .begin_session(&session)
            .await
            .unwrap();
        let whose = async || db.whose(session.id().unwrap()).await;
        assert!(whose().await.is_some());
        match change {
            "role" => app
                .set_role(&Operator, change, Role::Manager)
                .await
                .unwrap(),
            "disable" => app.set_disabled(&Operator, change, true).await.unwrap(),
            _ => app
                .reset_password(&Operator, change, &password, true)
                .await
                .unwrap(),
        }
        assert_eq!(whose().await, None, "{change}");
    }
    assert_eq!(db.texts("select count(*) from sessions").await, ["0"]);
}

//! Signing in, enrolling, and passwords.

use std::collections::HashSet;

use secrecy::{ExposeSecret, SecretString};
use ticker_app::ErrorKind;
use ticker_app::user::{ChangePasswordError, EnrollUserError, Enrollment, SignInRefused};
use ticker_auth::{Anyone, Operator};
use ticker_domain::password::PasswordError;
use ticker_domain::permission::{PasswordChange, StockView, UserEnroll};
use ticker_domain::user::{DisplayName, Role, Username};
use ticker_testkit::{PASSWORD, TestDatabase};
use uuid::Uuid;

const OTHER_PASSWORD: &str = "another seventeen herons";

fn enrollment(username: &str, key: Option<Uuid>) -> Enrollment {
    Enrollment {
        key,
        username: Username::parse(username).unwrap(),
        display_name: DisplayName::parse("Eve Moss").unwrap(),
        role: Role::Staff,
        password: PASSWORD.into(),
        must_change_password: true,
    }
}

#[tokio::test]
async fn an_enrolled_user_signs_in_and_changes_their_password_first() {
    let db = TestDatabase::new().await;
    let (app, ana) = (db.app(), db.user(Role::Admin).await);
    let id = app
        .enroll_user(&ana.grant::<UserEnroll>(), enrollment("eve", None))
        .await
        .unwrap();
    let session = db.session(None);
    let sign_in = app.sign_in(Anyone, "EVE", &PASSWORD.into()).await.unwrap();
    sign_in.begin_session(&session).await.unwrap();
    let eve = db.whose(session.id().unwrap()).await.unwrap();
    assert_eq!(
        (eve.id, eve.role, eve.must_change_password),
        (id, Role::Staff, true)
    );
    eve.grant::<StockView>().unwrap_err();

    let by = eve.grant::<PasswordChange>().unwrap();
    let sign_in = app
        .change_password(&by, &PASSWORD.into(), &OTHER_PASSWORD.into())
        .await
        .unwrap();
    sign_in.begin_session(&session).await.unwrap();
    let eve = db.whose(session.id().unwrap()).await.unwrap();
    eve.grant::<StockView>().unwrap();
    let listed = app.list_users(&Operator).await.unwrap();
    assert!(
        listed
            .iter()
            .any(|user| user.username == "eve" && !user.must_change_password)
    );
}

#[tokio::test]
async fn a_refused_sign_in_does_not_say_why() {
    let db = TestDatabase::new().await;
    let app = db.app();
    db.user_named("ana", "Ana Bell", Role::Staff).await;
    for (username, password) in [
        ("ana", OTHER_PASSWORD),
        ("nobody", PASSWORD),
        ("a\0na", PASSWORD),
    ] {
        let refused = app
            .sign_in(Anyone, username, &password.into())
            .await
            .unwrap_err();
        assert!(
            matches!(refused, SignInRefused::Refused),
            "{username:?}: {refused:?}"
        );
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn another_password_ends_every_other_session() {
    let db = TestDatabase::new().await;
    let (app, ana) = (
        db.app(),
        db.user_named("ana", "Ana Bell", Role::Staff).await,
    );
    let (here, elsewhere) = (db.session(None), db.session(None));
    for session in [&here, &elsewhere] {
        let sign_in = app.sign_in(Anyone, "ana", &PASSWORD.into()).await.unwrap();
        sign_in.begin_session(session).await.unwrap();
    }
    let by = ana.grant::<PasswordChange>();
    let sign_in = app
        .change_password(&by, &PASSWORD.into(), &OTHER_PASSWORD.into())
        .await
        .unwrap();
    let before = here.id();
    sign_in.begin_session(&here).await.unwrap();
    assert_ne!(here.id(), before);
    for (id, lives) in [(here.id(), true), (before, false), (elsewhere.id(), false)] {
        let whose = db.whose(id.unwrap()).await;
        assert_eq!(whose.is_some(), lives);
    }
    app.sign_in(Anyone, "ana", &PASSWORD.into())
        .await
        .unwrap_err();
    app.sign_in(Anyone, "ana", &OTHER_PASSWORD.into())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_to_one_that_is_allowed() {
    let db = TestDatabase::new().await;
    let (app, ana) = (
        db.app(),
        db.user_named("ana", "Ana Bell", Role::Staff).await,
    );
    let by = ana.grant::<PasswordChange>();
    let change = async |current: &str, new: &str| {
        app.change_password(&by, &current.into(), &new.into())
            .await
            .unwrap_err()
    };
    assert!(matches!(
        change(OTHER_PASSWORD, OTHER_PASSWORD).await,
        ChangePasswordError::CurrentWrong
    ));
    assert!(matches!(
        change(PASSWORD, PASSWORD).await,
        ChangePasswordError::Unchanged
    ));
    let short = change(PASSWORD, "too short").await;
    assert!(matches!(
        short,
        ChangePasswordError::Password(PasswordError::TooShort { chars_min: 12 })
    ));
    assert_eq!(short.kind(), ErrorKind::Invalid);
    let common = change(PASSWORD, "password1234").await;
    assert!(
        matches!(common, ChangePasswordError::Password(_)),
        "{common:?}"
    );
    let own = change(PASSWORD, "ana-bell-123").await;
    assert!(
        matches!(
            own,
            ChangePasswordError::Password(PasswordError::ContextWord)
        ),
        "{own:?}"
    );
    assert_eq!(db.texts("select auth_epoch from users").await, ["1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_form_twice_enrolls_one() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Admin).await;
    let by = ana.grant::<UserEnroll>();
    let (one, other) = (db.app(), db.app());
    for username in ["eve", "fay", "gus"] {
        let form = enrollment(username, Some(Uuid::new_v4()));
        let (first, second) = tokio::join!(
            one.enroll_user(&by, form.clone()),
            other.enroll_user(&by, form.clone())
        );
        let first = first.unwrap();
        assert_eq!(
            (second.unwrap(), one.enroll_user(&by, form).await.unwrap()),
            (first, first)
        );
    }
    assert_eq!(db.texts("select count(*) from users").await, ["4"]);
}

#[tokio::test]
async fn a_form_that_comes_again_for_somebody_else_does_not_pass_for_enrolled() {
    let db = TestDatabase::new().await;
    let (app, key) = (db.app(), Some(Uuid::new_v4()));
    let first = enrollment("eve", key);
    let id = app.enroll_user(&Operator, first.clone()).await.unwrap();
    for other in [
        enrollment("fay", key),
        Enrollment {
            role: Role::Admin,
            ..first.clone()
        },
        Enrollment {
            password: OTHER_PASSWORD.into(),
            ..first.clone()
        },
    ] {
        let refused = app.enroll_user(&Operator, other).await.unwrap_err();
        assert!(matches!(refused, EnrollUserError::KeyReused), "{refused:?}");
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    assert_eq!(app.enroll_user(&Operator, first).await.unwrap(), id);
    assert_eq!(db.texts("select username from users").await, ["eve"]);
}

#[tokio::test]
async fn names_that_are_taken_or_look_so_are_refused() {
    let db = TestDatabase::new().await;
    let (app, _) = (db.app(), db.user_named("coco", "Coco", Role::Staff).await);
    let taken = app
        .enroll_user(&Operator, enrollment("COCO", None))
        .await
        .unwrap_err();
    assert!(matches!(taken, EnrollUserError::UsernameTaken), "{taken:?}");
    assert_eq!(taken.kind(), ErrorKind::Conflict);
    let looks = app
        .enroll_user(&Operator, enrollment("сосо", Some(Uuid::new_v4())))
        .await
        .unwrap_err();
    assert!(
        matches!(looks, EnrollUserError::UsernameLooksTaken),
        "{looks:?}"
    );
    let weak = Enrollment {
        password: "eve-moss-123".into(),
        ..enrollment("eve", None)
    };
    let weak = app.enroll_user(&Operator, weak).await.unwrap_err();
    assert!(
        matches!(weak, EnrollUserError::Password(PasswordError::ContextWord)),
        "{weak:?}"
    );
    assert_eq!(db.texts("select count(*) from users").await, ["1"]);
}

#[tokio::test]
async fn generated_passwords_can_be_read_out_and_are_accepted() {
    let db = TestDatabase::new().await;
    let app = db.app();
    let passwords: Vec<SecretString> = (0..200).map(|_| app.generate_password(&Operator)).collect();
    let texts: HashSet<&str> = passwords.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(texts.len(), 200);
    for text in texts {
        let groups: Vec<&str> = text.split('-').collect();
        assert!(
            groups.len() == 4 && groups.iter().all(|group| group.len() == 5),
            "{text}"
        );
        assert!(!text.contains(['0', '1', 'i', 'l', 'o']), "{text}");
    }
    let form = Enrollment {
        password: passwords[0].clone(),
        ..enrollment("eve", None)
    };
    app.enroll_user(&Operator, form).await.unwrap();
    app.sign_in(Anyone, "eve", &passwords[0]).await.unwrap();
}

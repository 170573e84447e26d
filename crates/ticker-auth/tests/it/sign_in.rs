//! Signing in: nobody learns why it was refused, and old hashes are renewed on the way.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use secrecy::SecretString;
use ticker_auth::{Passwords, SignIn, SignInError, is_password_of, sign_in};
use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestDatabase};

async fn try_sign_in(
    db: &TestDatabase,
    username: &str,
    password: &str,
) -> Result<SignIn, SignInError> {
    let passwords = Passwords::new().unwrap();
    sign_in(
        db.database(),
        &passwords,
        username,
        &SecretString::from(password),
    )
    .await
}

#[tokio::test]
async fn the_right_password_is_let_in_under_any_spelling_of_the_name() {
    let db = TestDatabase::new().await;
    db.user_named("Zoë", "Zoë Q", Role::Staff).await;
    for username in ["Zoë", "zoë", " ZOË ", "zoe\u{308}"] {
        try_sign_in(&db, username, PASSWORD)
            .await
            .unwrap_or_else(|error| panic!("{username}: {error}"));
    }
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same() {
    let db = TestDatabase::new().await;
    db.user_named("ana", "Ana Bell", Role::Staff).await;
    db.user_named("gone", "Long Gone", Role::Staff).await;
    db.sql("update users set disabled_at = now() where username = 'gone'")
        .await;
    let long = "a".repeat(400_000);
    for (username, password) in [
        ("ana", "another password"),
        ("ana", ""),
        ("ana", "seventeen grey herons "),
        ("nobody", PASSWORD),
        ("gone", PASSWORD),
        ("gone", "another password"),
        ("", PASSWORD),
        ("ana\0", PASSWORD),
        ("a\u{202e}na", PASSWORD),
        ("ana' or '1'='1", PASSWORD),
        (&long, PASSWORD),
        ("ana", "a\0b"),
    ] {
        let refused = try_sign_in(&db, username, password).await.unwrap_err();
        let name: String = username.chars().take(20).collect();
        assert!(
            matches!(refused, SignInError::Refused),
            "{name:?}: {refused:?}"
        );
        assert_eq!(refused.to_string(), "username or password is wrong");
    }
}

#[tokio::test]
async fn a_weak_hash_is_renewed_and_nobody_is_signed_out_by_it() {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana Bell", Role::Staff).await;
    let weak = Params::new(64, 1, 1, Some(32)).unwrap();
    let weak: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, weak)
        .hash_password(PASSWORD.as_bytes())
        .unwrap();
    db.sql(&format!("update users set password_hash = '{weak}'"))
        .await;

    try_sign_in(&db, "ana", "another password")
        .await
        .unwrap_err();
    let stored = async || db.texts("select password_hash from users").await.remove(0);
    assert_eq!(
        stored().await,
        weak.to_string(),
        "a wrong password renews nothing"
    );

    try_sign_in(&db, "ana", PASSWORD).await.unwrap();
    let renewed = stored().await;
    assert!(
        renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{renewed}"
    );
    assert_eq!(db.texts("select auth_epoch from users").await, ["1"]);
    try_sign_in(&db, "ana", PASSWORD).await.unwrap();
    assert_eq!(stored().await, renewed);

    let passwords = Passwords::new().unwrap();
    let is_hers = async |password: &str| {
        is_password_of(db.database(), &passwords, ana.id, &password.into())
            .await
            .unwrap()
    };
    assert_eq!(
        (is_hers(PASSWORD).await, is_hers("another").await),
        (true, false)
    );
}

//! Who is granted what.

use ticker_auth::{Acting, Authority as _, GrantError};
use ticker_domain::permission::{ItemCreate, PasswordChange, Permission, StockAdjust, StockView};
use ticker_domain::user::Role;
use ticker_testkit::TestDatabase;

#[tokio::test]
async fn a_grant_needs_the_role_and_carries_who_and_when() {
    let db = TestDatabase::new().await;
    let staff = db.user(Role::Staff).await;
    let grant = staff.signed_in().grant::<StockAdjust>().unwrap();
    assert_eq!((grant.user().id, grant.actor().epoch), (staff.id, 1));
    assert_eq!(grant.acting(), Acting::User(staff.actor()));
    let refused = staff.signed_in().grant::<ItemCreate>().unwrap_err();
    assert_eq!(refused, GrantError::Forbidden(Permission::ItemCreate));
    assert_eq!(refused.to_string(), "needs the role manager");
    db.user(Role::Manager)
        .await
        .signed_in()
        .grant::<ItemCreate>()
        .unwrap();
}

#[tokio::test]
async fn with_a_password_to_change_there_is_nothing_else_to_do() {
    let db = TestDatabase::new().await;
    let staff = db.user(Role::Admin).await;
    db.sql("update users set must_change_password = true").await;
    let signed_in = db.sign_in(staff.id).await.unwrap();
    assert_eq!(
        signed_in.grant::<StockView>().unwrap_err(),
        GrantError::PasswordChangeDue
    );
    assert_eq!(
        signed_in.grant::<ItemCreate>().unwrap_err(),
        GrantError::PasswordChangeDue
    );
    signed_in.grant::<PasswordChange>().unwrap();
}

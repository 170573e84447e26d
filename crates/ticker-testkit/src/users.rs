//! People who can sign in.

use std::sync::Arc;
use std::time::Duration;

use ticker_auth::{Grant, SessionCache, SessionHandle, SessionStore, SignIn, SignedIn};
use ticker_domain::id::UserId;
use ticker_domain::ledger::Actor;
use ticker_domain::permission::Permit;
use ticker_domain::user::{DisplayName, Role, Username};
use ticker_postgres::Access as _;
use ticker_postgres::sessions::SessionLifetime;
use ticker_postgres::users::NewUser;
use tower_sessions::Session;

use crate::database::TestDatabase;

/// The password of every user that [`TestDatabase::user`] makes.
pub const PASSWORD: &str = "seventeen grey herons";

/// [`PASSWORD`] under today's parameters: hashing it anew for every user of every test takes too long.
const PASSWORD_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$klk1eGbb8+/kD3AV1ec1pg$FBQt6OtdzyU5DByKbxcGGkj9CbSi618jGd3k8Ua5nw8";

/// A user with a session.
#[derive(Clone, Debug)]
pub struct TestUser {
    /// The user.
    pub id: UserId,
    /// What they sign in with; their password is [`PASSWORD`].
    pub username: String,
    signed_in: SignedIn,
}

impl TestUser {
    /// Who their session belonged to when they were made or [`TestDatabase::sign_in`] was called.
    #[must_use]
    pub fn signed_in(&self) -> &SignedIn {
        &self.signed_in
    }

    /// Who posts.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            user: self.id,
            epoch: self.signed_in.auth_epoch,
        }
    }

    /// The proof that they have a permission.
    ///
    /// # Panics
    /// If their role does not have it.
    #[must_use]
    pub fn grant<P: Permit>(&self) -> Grant<P> {
        self.signed_in
            .grant()
            .unwrap_or_else(|error| panic!("{}: {error}", self.username))
    }
}

impl TestDatabase {
    /// A new user who has signed in, named after the role: `staff-1`, `manager-2`.
    ///
    /// # Panics
    /// If the database fails.
    pub async fn user(&self, role: Role) -> TestUser {
        let username = format!("{role}-{}", self.next());
        let display_name = format!("{} {}", role.label(), &username[role.as_str().len() + 1..]);
        self.user_named(&username, &display_name, role).await
    }

    /// A new user who has signed in.
    ///
    /// # Panics
    /// If the names are not acceptable or taken, or the database fails.
    pub async fn user_named(&self, username: &str, display_name: &str, role: Role) -> TestUser {
        let id = self
            .connect()
            .await
            .users()
            .insert(NewUser {
                username: &Username::parse(username).expect("a username"),
                display_name: &DisplayName::parse(display_name).expect("a display name"),
                role,
                password_hash: PASSWORD_HASH,
                must_change_password: false,
                enrollment_key: None,
            })
            .await
            .expect("a new user");
        let signed_in = self.sign_in(id).await.expect("the new user can sign in");
        TestUser {
            id,
            username: username.to_owned(),
            signed_in,
        }
    }

    /// Begins another session of a user as they stand now, and returns whose it is; `None` if they may
    /// have none.
    ///
    /// # Panics
    /// If there is no such user or the database fails.
    pub async fn sign_in(&self, user: UserId) -> Option<SignedIn> {
        let users = self
            .connect()
            .await
            .users()
            .list()
            .await
            .expect("the users");
        let epoch = users
            .iter()
            .find(|known| known.id == user)
            .expect("a user")
            .auth_epoch;
        let session = self.session(None);
        SignIn::checked(user, epoch)
            .begin_session(&session)
            .await
            .expect("a session");
        self.whose(session.id().expect("a stored session")).await
    }

    /// Another session of a user, as what is to end with it knows it, and its id.
    ///
    /// # Panics
    /// If there is no such user or the database fails.
    pub async fn session_of(
        &self,
        user: &TestUser,
    ) -> (SessionHandle, tower_sessions::session::Id) {
        let session = self.session(None);
        SignIn::checked(user.id, user.actor().epoch)
            .begin_session(&session)
            .await
            .expect("a session");
        let id = session.id().expect("a stored session");
        (self.session_store().handle(id), id)
    }

    /// Who the session with this id belongs to; `None` if it has ended.
    ///
    /// # Panics
    /// If the database fails.
    pub async fn whose(&self, id: tower_sessions::session::Id) -> Option<SignedIn> {
        let found = self.session_store().signed_in(id).await;
        found
            .expect("a readable session")
            .map(|signed_in| (*signed_in).clone())
    }

    /// A request's session, as `tower-sessions` makes it of the cookie's id.
    #[must_use]
    pub fn session(&self, id: Option<tower_sessions::session::Id>) -> Session {
        Session::new(id, Arc::new(self.session_store()), None)
    }

    /// Where sessions are kept, by a process that remembers none so far.
    #[must_use]
    pub fn session_store(&self) -> SessionStore {
        self.session_store_with(SessionCache::default())
    }

    /// Where sessions are kept, for 12 hours without a request and for 7 days at all.
    #[must_use]
    pub fn session_store_with(&self, cache: SessionCache) -> SessionStore {
        let lifetime = SessionLifetime {
            idle: Duration::from_hours(12),
            absolute: Duration::from_hours(168),
        };
        SessionStore::new(self.database().clone(), lifetime, cache)
    }
}

#[cfg(test)]
mod tests {
    use ticker_auth::Anyone;

    use super::*;

    #[tokio::test]
    async fn the_password_is_the_one_that_was_hashed_with_todays_parameters() {
        let db = TestDatabase::new().await;
        let ana = db.user(Role::Staff).await;
        db.app()
            .sign_in(Anyone, &ana.username, &PASSWORD.into())
            .await
            .unwrap();
        let stored = db
            .connect()
            .await
            .users()
            .password_hash(ana.id)
            .await
            .unwrap();
        assert_eq!(
            stored.as_deref(),
            Some(PASSWORD_HASH),
            "signing in would hash it again"
        );
    }
}

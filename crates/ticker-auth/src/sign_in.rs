//! Signing in: checking a username and a password, and beginning a session.

use secrecy::SecretString;
use ticker_domain::id::UserId;
use ticker_domain::user::{Role, Username};
use ticker_postgres::{Access as _, Database, DatabaseError};
use tower_sessions::Session;

use crate::metrics::{self, SignInOutcome};
use crate::passwords::{Passwords, PasswordsError, Verdict};
use crate::session::{SIGNED_IN_KEY, SignedIn};

/// A checked sign-in, from which a session can begin.
#[derive(Clone, Copy, Debug)]
pub struct SignIn {
    user: UserId,
    auth_epoch: i64,
}

/// Why a sign-in was refused.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown user, wrong password or disabled: the caller does not learn which.
    #[error("username or password is wrong")]
    Refused,
    /// Too many others sign in, or hashing failed.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The database fails.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl SignIn {
    /// A sign-in for a user whose right to it the caller has just checked or changed.
    #[must_use]
    pub fn checked(user: UserId, auth_epoch: i64) -> Self {
        Self { user, auth_epoch }
    }

    /// Ends the request's session if it had one, and begins another with an id of its own.
    ///
    /// # Errors
    /// [`tower_sessions::session::Error`] if sessions cannot be stored.
    pub async fn begin_session(
        self,
        session: &Session,
    ) -> Result<(), tower_sessions::session::Error> {
        session.flush().await?;
        // Only id and epoch are stored; the rest is read fresh on every load.
        let signed_in = SignedIn {
            id: self.user,
            username: String::new(),
            display_name: String::new(),
            role: Role::Staff,
            must_change_password: false,
            auth_epoch: self.auth_epoch,
        };
        session.insert(SIGNED_IN_KEY, signed_in).await?;
        session.save().await
    }
}

/// Checks a username and a password. An unknown or disabled user costs the same work and gets the same
/// answer as a wrong password.
///
/// # Errors
/// [`SignInError`] if they do not fit, or cannot be checked now.
pub async fn sign_in(
    database: &Database,
    passwords: &Passwords,
    username: &str,
    password: &SecretString,
) -> Result<SignIn, SignInError> {
    let checked = check(database, passwords, username, password).await;
    metrics::count_sign_in(match &checked {
        Ok(_) => SignInOutcome::Accepted,
        Err(SignInError::Refused) => SignInOutcome::Refused,
        Err(SignInError::Passwords(PasswordsError::Busy { .. })) => SignInOutcome::Busy,
        Err(_) => SignInOutcome::Failed,
    });
    checked
}

async fn check(
    database: &Database,
    passwords: &Passwords,
    username: &str,
    password: &SecretString,
) -> Result<SignIn, SignInError> {
    // What no username can be is not asked for: some of it the database would choke on.
    let credentials = match Username::parse(username) {
        Ok(username) => {
            let mut connection = database.connect().await?;
            connection.users().credentials(&username.key()).await?
        }
        Err(_) => None,
    };
    let stored = credentials
        .as_ref()
        .map(|credentials| credentials.password_hash.as_str());
    let verdict = passwords.check(password, stored).await?;
    match (credentials, verdict) {
        (Some(credentials), Verdict::Right { rehashed }) if !credentials.disabled => {
            if let Some(rehashed) = rehashed {
                let mut connection = database.connect().await?;
                let (old, new) = (&credentials.password_hash, rehashed.as_str());
                connection
                    .users()
                    .rehash_password(credentials.id, old, new)
                    .await?;
            }
            Ok(SignIn {
                user: credentials.id,
                auth_epoch: credentials.auth_epoch,
            })
        }
        _ => Err(SignInError::Refused),
    }
}

/// Why a password could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Too many others sign in, or hashing failed.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The database fails.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Whether this is the password of a user who is known already.
///
/// # Errors
/// [`CheckError`] if it cannot be checked now.
pub async fn is_password_of(
    database: &Database,
    passwords: &Passwords,
    user: UserId,
    password: &SecretString,
) -> Result<bool, CheckError> {
    let stored = database
        .connect()
        .await?
        .users()
        .password_hash(user)
        .await?;
    Ok(matches!(
        passwords.check(password, stored.as_deref()).await?,
        Verdict::Right { .. }
    ))
}

//! Users: signing in, enrolling, and what operators do to accounts.

use secrecy::{ExposeSecret as _, SecretString};
use ticker_auth::{Acting, Anyone, Authority, Grant, PasswordHash, SignIn, SignedIn};
use ticker_domain::id::UserId;
use ticker_domain::ledger::Actor;
use ticker_domain::password::{self, PasswordError, PasswordPolicy};
use ticker_domain::permission::{PasswordChange, UserAdminister, UserEnroll};
use ticker_domain::user::{DisplayName, Role, Username};
use ticker_postgres::audit::AuditAction;
use ticker_postgres::users::{NewUser, StoreUserError};
use ticker_postgres::{Access as _, DatabaseError};
use uuid::Uuid;

pub use ticker_postgres::users::User;

use crate::App;
use crate::app::{hold_rights, retrying};
use crate::error::{ErrorKind, Failure, Retriable};

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInRefused {
    /// Unknown user, wrong password or disabled: nobody learns which.
    #[error("username or password is wrong")]
    Refused,
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Someone to be enrolled.
#[derive(Clone, Debug)]
pub struct Enrollment {
    /// Of the form: sent twice, it enrolls once. `None` from the command line.
    pub key: Option<Uuid>,
    /// What they will sign in with.
    pub username: Username,
    /// What they are called.
    pub display_name: DisplayName,
    /// What they are here for.
    pub role: Role,
    /// Their password to begin with.
    pub password: SecretString,
    /// Whether they must choose their own before anything else.
    pub must_change_password: bool,
}

/// Why somebody was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrollUserError {
    /// The password breaks the policy.
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    /// Another user has the name, in this or another spelling.
    #[error("the username is taken")]
    UsernameTaken,
    /// Another user has a name that looks the same.
    #[error("the username looks like another user's")]
    UsernameLooksTaken,
    /// The same form enrolled somebody else, or with another role or password.
    #[error("the form was used to enroll somebody else")]
    KeyReused,
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why a password was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The current password is another one.
    #[error("the current password is wrong")]
    CurrentWrong,
    /// The new password is the current one.
    #[error("the new password is the current one")]
    Unchanged,
    /// The new password breaks the policy.
    #[error("the new password {0}")]
    Password(#[from] PasswordError),
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why a user was not administered.
#[derive(Debug, thiserror::Error)]
pub enum AdministerUserError {
    /// There is no such user.
    #[error("there is no user {0}")]
    NotFound(String),
    /// Nobody would be left who can enroll others.
    #[error("{0} is the last enabled admin: make somebody else an admin first")]
    LastAdmin(String),
    /// The password breaks the policy.
    #[error("the password {0}")]
    Password(#[from] PasswordError),
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl SignInRefused {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused => ErrorKind::Invalid,
            Self::Failure(failure) => failure.kind(),
        }
    }
}

impl EnrollUserError {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Password(_) | Self::KeyReused => ErrorKind::Invalid,
            Self::UsernameTaken | Self::UsernameLooksTaken => ErrorKind::Conflict,
            Self::Failure(failure) => failure.kind(),
        }
    }
}

impl ChangePasswordError {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Failure(failure) => failure.kind(),
            _ => ErrorKind::Invalid,
        }
    }
}

macro_rules! from_database {
    ($($error:ident),+) => {$(
        impl From<DatabaseError> for $error {
            fn from(error: DatabaseError) -> Self {
                Self::Failure(error.into())
            }
        }

        impl Retriable for $error {
            fn is_retriable(&self) -> bool {
                matches!(self, Self::Failure(failure) if failure.is_retriable())
            }
        }
    )+};
}

impl AdministerUserError {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound(_) => ErrorKind::NotFound,
            Self::LastAdmin(_) => ErrorKind::Conflict,
            Self::Password(_) => ErrorKind::Invalid,
            Self::Failure(failure) => failure.kind(),
        }
    }
}

/// What changes about a user's rights.
enum RightsChange {
    Role(Role),
    Disabled(bool),
    Password {
        hash: PasswordHash,
        must_change_password: bool,
    },
}

impl RightsChange {
    /// Whether an enabled admin is none afterwards.
    fn ends_admin(&self) -> bool {
        match self {
            Self::Role(role) => *role != Role::Admin,
            Self::Disabled(disabled) => *disabled,
            Self::Password { .. } => false,
        }
    }

    fn action(&self) -> AuditAction {
        match self {
            Self::Role(_) => AuditAction::RoleChanged,
            Self::Disabled(true) => AuditAction::Disabled,
            Self::Disabled(false) => AuditAction::Enabled,
            Self::Password { .. } => AuditAction::PasswordReset,
        }
    }
}

from_database!(EnrollUserError, ChangePasswordError, AdministerUserError);

impl App {
    /// Checks a username and a password. The session begins with [`SignIn::begin_session`].
    ///
    /// # Errors
    /// [`SignInRefused`] if they do not fit, or cannot be checked now.
    #[tracing::instrument(name = "app.user.sign_in", skip_all)]
    pub async fn sign_in(
        &self,
        _by: Anyone,
        username: &str,
        password: &SecretString,
    ) -> Result<SignIn, SignInRefused> {
        Ok(ticker_auth::sign_in(&self.database, &self.passwords, username, password).await?)
    }

    /// A password that passes the policy and can be read out: four groups of five letters and digits,
    /// about 99 bits.
    #[must_use]
    pub fn generate_password(&self, _by: &impl Authority<UserEnroll>) -> SecretString {
        // Without 0, 1, i, l and o, which are mistaken for one another.
        const CHARACTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
        let mut rng = rand::rng();
        let group = |rng: &mut _| -> String {
            let pick = |_| rand::seq::IndexedRandom::choose(CHARACTERS, rng);
            (0..5)
                .filter_map(pick)
                .map(|byte| char::from(*byte))
                .collect()
        };
        let groups: Vec<String> = (0..4).map(|_| group(&mut rng)).collect();
        groups.join("-").into()
    }

    /// Enrolls a user, and returns their id; the same key twice enrolls once.
    ///
    /// # Errors
    /// [`EnrollUserError`] if they were not enrolled.
    #[tracing::instrument(name = "app.user.enroll", skip_all)]
    pub async fn enroll_user(
        &self,
        by: &impl Authority<UserEnroll>,
        enrollment: Enrollment,
    ) -> Result<UserId, EnrollUserError> {
        let context = [
            enrollment.username.as_str(),
            enrollment.display_name.as_str(),
        ];
        self.check_policy(&enrollment.password, &context)?;
        let hash = self
            .passwords
            .hash(&enrollment.password)
            .await
            .map_err(Failure::from)?;
        let (app, acting) = (self.clone(), by.acting());
        self.run(async move { retrying!(app.try_enroll_user(acting, &enrollment, hash.as_str())) })
            .await
    }

    async fn try_enroll_user(
        &self,
        acting: Acting,
        enrollment: &Enrollment,
        password_hash: &str,
    ) -> Result<UserId, EnrollUserError> {
        let mut tx = self.database.begin().await?;
        hold_rights(&mut tx, acting).await?;
        let inserted = tx
            .users()
            .insert(NewUser {
                username: &enrollment.username,
                display_name: &enrollment.display_name,
                role: enrollment.role,
                password_hash,
                must_change_password: enrollment.must_change_password,
                enrollment_key: enrollment.key,
            })
            .await;
        let conflict = match inserted {
            Ok(id) => {
                let (actor, action) = (acting.user(), AuditAction::Enrolled);
                tx.audit().insert(actor, action, id, None).await?;
                tx.commit().await?;
                return Ok(id);
            }
            Err(StoreUserError::Database(error)) => return Err(error.into()),
            Err(conflict) => conflict,
        };
        drop(tx);
        if let Some(key) = enrollment.key {
            let mut connection = self.database.connect().await?;
            let before = connection.users().find_by_enrollment_key(key).await?;
            drop(connection);
            if let Some(id) = before {
                let is_same = self.is_enrollment_of(id, enrollment).await?;
                return if is_same {
                    Ok(id)
                } else {
                    Err(EnrollUserError::KeyReused)
                };
            }
        }
        Err(match conflict {
            StoreUserError::UsernameLooksTaken => EnrollUserError::UsernameLooksTaken,
            _ => EnrollUserError::UsernameTaken,
        })
    }

    /// Whether a user is the one whom this form enrolls, down to the password that it shows.
    async fn is_enrollment_of(
        &self,
        id: UserId,
        enrollment: &Enrollment,
    ) -> Result<bool, EnrollUserError> {
        let users = self.database.connect().await?.users().list().await?;
        let is_same = users.iter().any(|user| {
            user.id == id
                && user.username == enrollment.username.as_str()
                && user.display_name == enrollment.display_name.as_str()
                && user.role == enrollment.role
                && user.must_change_password == enrollment.must_change_password
        });
        let password = &enrollment.password;
        Ok(is_same
            && ticker_auth::is_password_of(&self.database, &self.passwords, id, password)
                .await
                .map_err(Failure::from)?)
    }

    /// Gives the signed-in user another password, and ends all their sessions: the answer begins the
    /// only one that goes on.
    ///
    /// # Errors
    /// [`ChangePasswordError`] if it was not changed.
    #[tracing::instrument(name = "app.user.change_password", skip_all, fields(user = %by.user().id))]
    pub async fn change_password(
        &self,
        by: &Grant<PasswordChange>,
        current: &SecretString,
        new: &SecretString,
    ) -> Result<SignIn, ChangePasswordError> {
        let SignedIn {
            id,
            username,
            display_name,
            ..
        } = by.user().clone();
        if !ticker_auth::is_password_of(&self.database, &self.passwords, id, current).await? {
            return Err(ChangePasswordError::CurrentWrong);
        }
        if password::normalise(current.expose_secret()) == password::normalise(new.expose_secret())
        {
            return Err(ChangePasswordError::Unchanged);
        }
        self.check_policy(new, &[&username, &display_name])?;
        let hash = self.passwords.hash(new).await.map_err(Failure::from)?;
        let (app, actor) = (self.clone(), by.actor());
        self.run(async move { retrying!(app.try_change_password(actor, hash.as_str())) })
            .await
    }

    async fn try_change_password(
        &self,
        actor: Actor,
        password_hash: &str,
    ) -> Result<SignIn, ChangePasswordError> {
        let mut tx = self.database.begin().await?;
        if tx.users().lock_epoch_for_rights_change(actor.user).await? != Some(actor.epoch) {
            return Err(Failure::RightsChanged.into());
        }
        let before = tx.audit().before(actor.user).await?;
        let epoch = tx
            .users()
            .set_password(actor.user, password_hash, false)
            .await?;
        let action = AuditAction::PasswordChanged;
        tx.audit()
            .insert(Some(actor.user), action, actor.user, Some(before))
            .await?;
        tx.sessions().delete_of_user(actor.user).await?;
        let committed = tx.commit().await;
        // Also when the answer is lost: it may have happened.
        self.session_cache.forget();
        committed?;
        Ok(SignIn::checked(actor.user, epoch))
    }

    /// Every user, by username.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    pub async fn list_users(
        &self,
        _by: &impl Authority<UserAdminister>,
    ) -> Result<Vec<User>, Failure> {
        Ok(self.database.connect().await?.users().list().await?)
    }

    /// Gives a user another role; their sessions end.
    ///
    /// # Errors
    /// [`AdministerUserError`] if there is no such user, or no admin would be left.
    pub async fn set_role(
        &self,
        by: &impl Authority<UserAdminister>,
        username: &str,
        role: Role,
    ) -> Result<(), AdministerUserError> {
        self.change_rights(by.acting(), username, RightsChange::Role(role))
            .await
    }

    /// Disables a user or enables them again; their sessions end.
    ///
    /// # Errors
    /// [`AdministerUserError`] if there is no such user, or no admin would be left.
    pub async fn set_disabled(
        &self,
        by: &impl Authority<UserAdminister>,
        username: &str,
        disabled: bool,
    ) -> Result<(), AdministerUserError> {
        self.change_rights(by.acting(), username, RightsChange::Disabled(disabled))
            .await
    }

    /// Gives a user another password; their sessions end.
    ///
    /// # Errors
    /// [`AdministerUserError`] if there is no such user, or the password breaks the policy.
    pub async fn reset_password(
        &self,
        by: &impl Authority<UserAdminister>,
        username: &str,
        password: &SecretString,
        must_change_password: bool,
    ) -> Result<(), AdministerUserError> {
        self.check_policy(password, &[username])?;
        let hash = self.passwords.hash(password).await.map_err(Failure::from)?;
        let change = RightsChange::Password {
            hash,
            must_change_password,
        };
        self.change_rights(by.acting(), username, change).await
    }

    async fn change_rights(
        &self,
        acting: Acting,
        username: &str,
        change: RightsChange,
    ) -> Result<(), AdministerUserError> {
        let (app, username) = (self.clone(), username.to_owned());
        self.run(async move { retrying!(app.try_change_rights(acting, &username, &change)) })
            .await
    }

    /// Changes a user's rights under locks that wait for every write admitted under the old ones.
    async fn try_change_rights(
        &self,
        acting: Acting,
        username: &str,
        change: &RightsChange,
    ) -> Result<(), AdministerUserError> {
        let not_found = || AdministerUserError::NotFound(username.to_owned());
        let key = Username::parse(username).map_err(|_| not_found())?.key();
        let mut tx = self.database.begin().await?;
        let locked = tx.users().lock_for_rights_change(&key).await?;
        hold_rights(&mut tx, acting).await?;
        let id = locked.target.ok_or_else(not_found)?;
        if change.ends_admin() && locked.enabled_admins == [id] {
            return Err(AdministerUserError::LastAdmin(username.to_owned()));
        }
        let before = tx.audit().before(id).await?;
        match change {
            RightsChange::Role(role) => tx.users().set_role(id, *role).await?,
            RightsChange::Disabled(disabled) => tx.users().set_disabled(id, *disabled).await?,
            RightsChange::Password {
                hash,
                must_change_password,
            } => {
                tx.users()
                    .set_password(id, hash.as_str(), *must_change_password)
                    .await?;
            }
        }
        tx.audit()
            .insert(acting.user(), change.action(), id, Some(before))
            .await?;
        tx.sessions().delete_of_user(id).await?;
        let committed = tx.commit().await;
        // Also when the answer is lost: it may have happened.
        self.session_cache.forget();
        committed?;
        Ok(())
    }

    fn check_policy(&self, password: &SecretString, context: &[&str]) -> Result<(), PasswordError> {
        let policy = PasswordPolicy {
            chars_min: self.settings.password_chars_min,
            is_common: ticker_auth::is_common,
            context,
        };
        policy.check(password.expose_secret())
    }
}

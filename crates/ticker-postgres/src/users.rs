//! Who may sign in.

use jiff::Timestamp;
use sqlx::PgConnection;
use ticker_domain::id::UserId;
use ticker_domain::user::{DisplayName, Role, Username};
use uuid::Uuid;

use crate::DatabaseError;
use crate::error::parse_stored;

/// Statements about users.
#[derive(Debug)]
pub struct Users<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// A user as it stands.
#[derive(Clone, Debug)]
pub struct User {
    /// Its identifier.
    pub id: UserId,
    /// What they sign in with.
    pub username: String,
    /// What they are called.
    pub display_name: String,
    /// What they are here for.
    pub role: Role,
    /// Whether they must choose a password before anything else.
    pub must_change_password: bool,
    /// Counts what took or changed their rights.
    pub auth_epoch: i64,
    /// When they were disabled, if they are.
    pub disabled_at: Option<Timestamp>,
    /// When they were enrolled.
    pub created_at: Timestamp,
    /// When they last did something while signed in, if they ever did and the session is kept.
    pub last_seen_at: Option<Timestamp>,
}

/// A user and the hash that their password is checked against.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub id: UserId,
    /// Argon2id in PHC form.
    pub password_hash: String,
    /// Counts what took or changed their rights.
    pub auth_epoch: i64,
    /// Whether they are disabled.
    pub disabled: bool,
}

/// A user to be.
#[derive(Clone, Copy)]
pub struct NewUser<'a> {
    /// What they sign in with.
    pub username: &'a Username,
    /// What they are called.
    pub display_name: &'a DisplayName,
    /// What they are here for.
    pub role: Role,
    /// Argon2id in PHC form.
    pub password_hash: &'a str,
    /// Whether they must choose a password before anything else.
    pub must_change_password: bool,
    /// Of the form that enrolls them.
    pub enrollment_key: Option<Uuid>,
}

/// Who is locked for a change of rights.
#[derive(Clone, Debug)]
pub struct RightsLock {
    /// The user whose rights change, if there is one of that name.
    pub target: Option<UserId>,
    /// Every enabled admin.
    pub enabled_admins: Vec<UserId>,
}

/// Why a user cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreUserError {
    /// The same form was sent before: the user is there.
    #[error("this user was enrolled before")]
    EnrolledBefore,
    /// Another user has the name, in this or another spelling.
    #[error("another user has this username")]
    UsernameTaken,
    /// Another user has a name that looks the same.
    #[error("another user has a username that looks like this one")]
    UsernameLooksTaken,
    /// The database fails.
    #[error(transparent)]
    Database(DatabaseError),
}

impl From<sqlx::Error> for StoreUserError {
    fn from(error: sqlx::Error) -> Self {
        let error = DatabaseError::from(error);
        match error.constraint() {
            Some("users_enrollment_key_key") => Self::EnrolledBefore,
            Some("users_username_key_key") => Self::UsernameTaken,
            Some("users_username_skeleton_key") => Self::UsernameLooksTaken,
            _ => Self::Database(error),
        }
    }
}

impl Users<'_> {
    /// Enrolls a user.
    ///
    /// # Errors
    /// [`StoreUserError`] if the username is taken.
    pub async fn insert(&mut self, user: NewUser<'_>) -> Result<UserId, StoreUserError> {
        let id = sqlx::query_scalar!(
            r#"insert into users (username, username_key, username_skeleton, display_name, role,
                                  password_hash, must_change_password, enrollment_key)
               values ($1, $2, $3, $4, $5, $6, $7, $8)
               returning id"#,
            user.username.as_str(),
            user.username.key(),
            user.username.skeleton(),
            user.display_name.as_str(),
            user.role.as_str(),
            user.password_hash,
            user.must_change_password,
            user.enrollment_key,
        )
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(UserId(id))
    }

    /// The user who was enrolled under this key.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find_by_enrollment_key(
        &mut self,
        key: Uuid,
    ) -> Result<Option<UserId>, DatabaseError> {
        let id = sqlx::query_scalar!("select id from users where enrollment_key = $1", key)
            .fetch_optional(&mut *self.connection)
            .await?;
        Ok(id.map(UserId))
    }

    /// The credentials to check a sign-in against, by the username's key.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn credentials(&mut self, key: &str) -> Result<Option<Credentials>, DatabaseError> {
        let row = sqlx::query!(
            r#"select id, password_hash, auth_epoch, disabled_at is not null as "disabled!"
               from users where username_key = $1"#,
            key
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(row.map(|row| Credentials {
            id: UserId(row.id),
            password_hash: row.password_hash,
            auth_epoch: row.auth_epoch,
            disabled: row.disabled,
        }))
    }

    /// Every user, by username.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn list(&mut self) -> Result<Vec<User>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select id, username, display_name, role, must_change_password, auth_epoch,
                      disabled_at as "disabled_at: jiff_sqlx::Timestamp",
                      created_at as "created_at: jiff_sqlx::Timestamp",
                      (select max(last_seen_at) from sessions where user_id = users.id)
                          as "last_seen_at: jiff_sqlx::Timestamp"
               from users order by username, id"#
        )
        .fetch_all(&mut *self.connection)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(User {
                    id: UserId(row.id),
                    username: row.username,
                    display_name: row.display_name,
                    role: parse_stored("users.role", &row.role)?,
                    must_change_password: row.must_change_password,
                    auth_epoch: row.auth_epoch,
                    disabled_at: row.disabled_at.map(jiff_sqlx::Timestamp::to_jiff),
                    created_at: row.created_at.to_jiff(),
                    last_seen_at: row.last_seen_at.map(jiff_sqlx::Timestamp::to_jiff),
                })
            })
            .collect()
    }

    /// Locks a user whose rights are about to change, by the username's key, and with them every enabled
    /// admin, so that two demotions at once take turns. FOR UPDATE waits for every write that was
    /// admitted under the old rights and holds off those to come; one statement, in the order of ids,
    /// as postings lock their actors.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn lock_for_rights_change(&mut self, key: &str) -> Result<RightsLock, DatabaseError> {
        let rows = sqlx::query!(
            r#"select id, username_key = $1 as "is_target!",
                      role = 'admin' and disabled_at is null as "is_enabled_admin!"
               from users
               where username_key = $1 or (role = 'admin' and disabled_at is null)
               order by id for update"#,
            key
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let target = rows
            .iter()
            .find(|row| row.is_target)
            .map(|row| UserId(row.id));
        let admins = rows
            .iter()
            .filter(|row| row.is_enabled_admin)
            .map(|row| UserId(row.id));
        Ok(RightsLock {
            target,
            enabled_admins: admins.collect(),
        })
    }

    /// As [`Users::lock_for_rights_change`], of one enabled user by id, and returns the current epoch.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn lock_epoch_for_rights_change(
        &mut self,
        id: UserId,
    ) -> Result<Option<i64>, DatabaseError> {
        let epoch = sqlx::query_scalar!(
            "select auth_epoch from users where id = $1 and disabled_at is null for update",
            id.0
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(epoch)
    }

    /// The user's epoch while they may act, held until the transaction ends: for operations other than
    /// postings that must not be admitted after the right was taken.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn hold_epoch(&mut self, id: UserId) -> Result<Option<i64>, DatabaseError> {
        let epoch = sqlx::query_scalar!(
            "select auth_epoch from users where id = $1 and disabled_at is null for key share",
            id.0
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(epoch)
    }

    /// Gives a locked user another role.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn set_role(&mut self, id: UserId, role: Role) -> Result<(), DatabaseError> {
        sqlx::query!(
            "update users set role = $2, auth_epoch = auth_epoch + 1 where id = $1 and role <> $2",
            id.0,
            role.as_str()
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Disables or enables a locked user.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn set_disabled(&mut self, id: UserId, disabled: bool) -> Result<(), DatabaseError> {
        sqlx::query!(
            r#"update users
               set disabled_at = case when $2 then now() end, auth_epoch = auth_epoch + 1
               where id = $1 and (disabled_at is not null) <> $2"#,
            id.0,
            disabled
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Gives a locked user another password, and returns the epoch that it starts.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn set_password(
        &mut self,
        id: UserId,
        password_hash: &str,
        must_change_password: bool,
    ) -> Result<i64, DatabaseError> {
        Ok(sqlx::query_scalar!(
            r#"update users
               set password_hash = $2, must_change_password = $3, auth_epoch = auth_epoch + 1
               where id = $1
               returning auth_epoch"#,
            id.0,
            password_hash,
            must_change_password
        )
        .fetch_one(&mut *self.connection)
        .await?)
    }

    /// Stores the same password hashed with today's parameters, unless it was changed meanwhile.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn rehash_password(
        &mut self,
        id: UserId,
        old_hash: &str,
        new_hash: &str,
    ) -> Result<(), DatabaseError> {
        sqlx::query!(
            "update users set password_hash = $3 where id = $1 and password_hash = $2",
            id.0,
            old_hash,
            new_hash
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// The password hash of a user, to check a password that they type again.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn password_hash(&mut self, id: UserId) -> Result<Option<String>, DatabaseError> {
        Ok(
            sqlx::query_scalar!("select password_hash from users where id = $1", id.0)
                .fetch_optional(&mut *self.connection)
                .await?,
        )
    }
}

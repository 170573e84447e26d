//! Who is signed in. Sessions are known by the SHA-256 of their cookie's id, and live by the
//! database's clock alone.

use std::time::Duration;

use sqlx::PgConnection;
use ticker_domain::id::UserId;
use ticker_domain::user::Role;

use crate::DatabaseError;
use crate::error::parse_stored;

/// Statements about sessions.
#[derive(Debug)]
pub struct Sessions<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// How long a session lives.
#[derive(Clone, Copy, Debug)]
pub struct SessionLifetime {
    /// Without a request.
    pub idle: Duration,
    /// At all.
    pub absolute: Duration,
}

/// A session that lives, and the user as they stand at this moment.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// Whose it is.
    pub user: UserId,
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
}

/// A session is marked as seen at most this often.
const SEEN_RESOLUTION_S: f64 = 60.0;

impl Sessions<'_> {
    /// Begins a session under the epoch that the sign-in was checked at, and tells whether the id was
    /// free.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn insert(
        &mut self,
        id_hash: &[u8; 32],
        user: UserId,
        auth_epoch: i64,
    ) -> Result<bool, DatabaseError> {
        let done = sqlx::query!(
            r#"insert into sessions (id_hash, user_id, auth_epoch, data) values ($1, $2, $3, '{}')
               on conflict (id_hash) do nothing"#,
            id_hash,
            user.0,
            auth_epoch
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The session, if it lives: neither idle nor old beyond its lifetime, its user enabled and at the
    /// epoch that it began under.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.sessions.find_live", skip_all)]
    pub async fn find_live(
        &mut self,
        id_hash: &[u8; 32],
        lifetime: SessionLifetime,
    ) -> Result<Option<LiveSession>, DatabaseError> {
        let row = sqlx::query!(
            r#"select s.user_id, u.username, u.display_name, u.role, u.must_change_password,
                      u.auth_epoch, s.last_seen_at < now() - make_interval(secs => $4) as "stale!"
               from sessions s join users u on u.id = s.user_id
               where s.id_hash = $1
                 and s.last_seen_at > now() - make_interval(secs => $2)
                 and s.created_at > now() - make_interval(secs => $3)
                 and u.disabled_at is null and u.auth_epoch = s.auth_epoch"#,
            id_hash,
            lifetime.idle.as_secs_f64(),
            lifetime.absolute.as_secs_f64(),
            SEEN_RESOLUTION_S
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        if row.stale {
            sqlx::query!(
                "update sessions set last_seen_at = now() where id_hash = $1",
                id_hash
            )
            .execute(&mut *self.connection)
            .await?;
        }
        Ok(Some(LiveSession {
            user: UserId(row.user_id),
            username: row.username,
            display_name: row.display_name,
            role: parse_stored("users.role", &row.role)?,
            must_change_password: row.must_change_password,
            auth_epoch: row.auth_epoch,
        }))
    }

    /// Which of these sessions live, under the rules of [`Sessions::find_live`]. Asking does not count as
    /// using them.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.sessions.living", skip_all, fields(sessions = id_hashes.len()))]
    pub async fn living(
        &mut self,
        id_hashes: &[[u8; 32]],
        lifetime: SessionLifetime,
    ) -> Result<Vec<[u8; 32]>, DatabaseError> {
        let id_hashes: Vec<&[u8]> = id_hashes.iter().map(<[u8; 32]>::as_slice).collect();
        let living = sqlx::query_scalar!(
            r#"select s.id_hash
               from sessions s join users u on u.id = s.user_id
               where s.id_hash = any($1)
                 and s.last_seen_at > now() - make_interval(secs => $2)
                 and s.created_at > now() - make_interval(secs => $3)
                 and u.disabled_at is null and u.auth_epoch = s.auth_epoch"#,
            &id_hashes as &[&[u8]],
            lifetime.idle.as_secs_f64(),
            lifetime.absolute.as_secs_f64(),
        )
        .fetch_all(&mut *self.connection)
        .await?;
        // A CHECK holds every hash to 32 bytes.
        Ok(living
            .into_iter()
            .filter_map(|hash| hash.try_into().ok())
            .collect())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn delete(&mut self, id_hash: &[u8; 32]) -> Result<(), DatabaseError> {
        sqlx::query!("delete from sessions where id_hash = $1", id_hash)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn delete_of_user(&mut self, user: UserId) -> Result<(), DatabaseError> {
        sqlx::query!("delete from sessions where user_id = $1", user.0)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    /// Forgets sessions that are past their lifetime, and returns how many these were.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn delete_expired(
        &mut self,
        lifetime: SessionLifetime,
    ) -> Result<u64, DatabaseError> {
        let done = sqlx::query!(
            r#"delete from sessions
               where last_seen_at < now() - make_interval(secs => $1)
                  or created_at < now() - make_interval(secs => $2)"#,
            lifetime.idle.as_secs_f64(),
            lifetime.absolute.as_secs_f64()
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(done.rows_affected())
    }
}

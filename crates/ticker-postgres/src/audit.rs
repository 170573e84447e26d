//! Who changed what about a user's rights. The database keeps every row for good, and adds one by itself
//! where a change of rights left none.

use serde_json::Value;
use sqlx::PgConnection;
use ticker_domain::id::UserId;

use crate::DatabaseError;

/// Statements about the audit log. They belong into the transaction of the change.
#[derive(Debug)]
pub struct Audit<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// What was done to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditAction {
    /// They were enrolled.
    Enrolled,
    /// They got another role.
    RoleChanged,
    /// They were disabled.
    Disabled,
    /// They were enabled again.
    Enabled,
    /// They chose another password.
    PasswordChanged,
    /// Somebody else gave them another password.
    PasswordReset,
}

/// How a user stood before a change.
#[derive(Clone, Debug)]
pub struct AuditBefore {
    auth_epoch: i64,
    facts: Value,
}

impl AuditAction {
    /// Every action.
    pub const ALL: [Self; 6] = [
        Self::Enrolled,
        Self::RoleChanged,
        Self::Disabled,
        Self::Enabled,
        Self::PasswordChanged,
        Self::PasswordReset,
    ];

    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::RoleChanged => "role_changed",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
        }
    }
}

impl Audit<'_> {
    /// How a locked user stands.
    ///
    /// # Errors
    /// [`DatabaseError`] if there is no such user or the database fails.
    pub async fn before(&mut self, user: UserId) -> Result<AuditBefore, DatabaseError> {
        Ok(sqlx::query_as!(
            AuditBefore,
            r#"select auth_epoch, audit_facts(users) as "facts!" from users where id = $1"#,
            user.0
        )
        .fetch_one(&mut *self.connection)
        .await?)
    }

    /// Writes down what was done to a user, who stands as they do now; `actor` is `None` for an operator,
    /// `before` for who was just enrolled. Writes nothing if their rights did not change.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn insert(
        &mut self,
        actor: Option<UserId>,
        action: AuditAction,
        user: UserId,
        before: Option<AuditBefore>,
    ) -> Result<(), DatabaseError> {
        let (epoch, facts) = before
            .map(|before| (before.auth_epoch, before.facts))
            .unzip();
        sqlx::query!(
            r#"insert into audit_events (actor_id, action, user_id, auth_epoch, before, after)
               select $1, $2, id, auth_epoch, $5, audit_facts(users) from users
               where id = $3 and auth_epoch is distinct from $4"#,
            actor.map(|actor| actor.0),
            action.as_str(),
            user.0,
            epoch,
            facts
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}

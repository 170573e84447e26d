//! Sessions in Postgres, behind `tower-sessions`.
//!
//! A session's row is keyed by the SHA-256 of the cookie's id. It begins at sign-in only, and saving
//! never begins one. Loading joins the user as they stand: whoever was disabled, demoted or given
//! another password since has no session any more.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use ticker_domain::id::UserId;
use ticker_domain::user::Role;
use ticker_postgres::sessions::SessionLifetime;
use ticker_postgres::{Access as _, Database, DatabaseError};
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

/// Under this key a session says whose it is. It is stored as columns, and read fresh on every load.
pub(crate) const SIGNED_IN_KEY: &str = "signed_in";

/// Who a session belongs to, as they stood when the request came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The user.
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
}

impl SignedIn {
    /// Who the request's session belongs to; `None` when nobody is signed in.
    ///
    /// # Errors
    /// [`tower_sessions::session::Error`] if the session cannot be read.
    pub async fn of(
        session: &tower_sessions::Session,
    ) -> std::result::Result<Option<Self>, tower_sessions::session::Error> {
        session.get(SIGNED_IN_KEY).await
    }
}

/// Sessions in Postgres, for `tower-sessions`.
#[derive(Clone, Debug)]
pub struct SessionStore {
    database: Database,
    lifetime: SessionLifetime,
}

impl SessionStore {
    /// Sessions that live as long as `lifetime` says, by the database's clock.
    #[must_use]
    pub fn new(database: Database, lifetime: SessionLifetime) -> Self {
        Self { database, lifetime }
    }

    /// How long its sessions live.
    #[must_use]
    pub fn lifetime(&self) -> SessionLifetime {
        self.lifetime
    }
}

#[async_trait::async_trait]
impl tower_sessions::SessionStore for SessionStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let signed_in = record.data.get(SIGNED_IN_KEY).cloned().unwrap_or_default();
        let signed_in: SignedIn = serde_json::from_value(signed_in)
            .map_err(|_| Error::Encode("a session begins with a sign-in only".into()))?;
        let data = kept(record);
        let mut connection = self
            .database
            .connect()
            .await
            .map_err(|error| backend(&error))?;
        loop {
            // Never the id that the record brings: after `flush`, tower-sessions 0.15 offers the id of the
            // request's cookie again, which somebody else may know.
            record.id = Id::default();
            let id_hash = hash_id(&record.id);
            let (user, epoch) = (signed_in.id, signed_in.auth_epoch);
            let fresh = connection
                .sessions()
                .insert(&id_hash, user, epoch, &data)
                .await;
            if fresh.map_err(|error| backend(&error))? {
                return Ok(());
            }
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let mut connection = self
            .database
            .connect()
            .await
            .map_err(|error| backend(&error))?;
        let updated = connection
            .sessions()
            .update_data(&hash_id(&record.id), &kept(record))
            .await;
        updated.map_err(|error| backend(&error))
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let mut connection = self
            .database
            .connect()
            .await
            .map_err(|error| backend(&error))?;
        let live = connection
            .sessions()
            .find_live(&hash_id(id), self.lifetime)
            .await;
        let Some(live) = live.map_err(|error| backend(&error))? else {
            return Ok(None);
        };
        let signed_in = SignedIn {
            id: live.user,
            username: live.username,
            display_name: live.display_name,
            role: live.role,
            must_change_password: live.must_change_password,
            auth_epoch: live.auth_epoch,
        };
        let mut data: HashMap<String, Value> =
            serde_json::from_value(live.data).map_err(|error| Error::Decode(error.to_string()))?;
        let signed_in =
            serde_json::to_value(signed_in).map_err(|error| Error::Encode(error.to_string()))?;
        data.insert(SIGNED_IN_KEY.to_owned(), signed_in);
        // tower-sessions compares this with the process's clock; the database has compared already.
        let expiry_date = OffsetDateTime::now_utc() + self.lifetime.absolute;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let mut connection = self
            .database
            .connect()
            .await
            .map_err(|error| backend(&error))?;
        connection
            .sessions()
            .delete(&hash_id(id))
            .await
            .map_err(|error| backend(&error))
    }
}

/// What a session keeps between requests: everything but whose it is.
fn kept(record: &Record) -> Value {
    let kept = record.data.iter().filter(|(key, _)| *key != SIGNED_IN_KEY);
    Value::Object(
        kept.map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}

fn hash_id(id: &Id) -> [u8; 32] {
    Sha256::digest(id.0.to_be_bytes()).into()
}

fn backend(error: &DatabaseError) -> Error {
    Error::Backend(error.to_string())
}

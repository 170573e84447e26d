//! Sessions in Postgres, behind `tower-sessions`.
//!
//! A session's row is keyed by the SHA-256 of the cookie's id. It begins at sign-in only, keeps nothing
//! but whose it is, and no request can revive one that has ended. Looking it up joins the user as they
//! stand: whoever was disabled, demoted or given another password since has no session any more. What was
//! looked up is remembered for a moment ([`SessionCache`]).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ticker_domain::id::UserId;
use ticker_domain::user::Role;
use ticker_postgres::sessions::SessionLifetime;
use ticker_postgres::{Access as _, Database, DatabaseError};
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result};

use crate::session_cache::SessionCache;

/// Under this key a new session says whose it is. It is stored as columns, and read fresh on every
/// look-up.
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

/// A session, for what is to end with it. It tells whether the session lives, and nothing else.
#[derive(Clone, Debug)]
pub struct SessionHandle {
    id_hash: [u8; 32],
    lifetime: SessionLifetime,
}

impl SessionHandle {
    /// Which of these sessions have ended, by their places. Asking does not keep any of them alive.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn ended(
        sessions: &[Self],
        database: &Database,
    ) -> std::result::Result<Vec<usize>, DatabaseError> {
        // All were made by one store.
        let Some(lifetime) = sessions.first().map(|session| session.lifetime) else {
            return Ok(Vec::new());
        };
        let id_hashes: Vec<_> = sessions.iter().map(|session| session.id_hash).collect();
        let mut connection = database.connect().await?;
        let living = connection.sessions().living(&id_hashes, lifetime).await?;
        let living: HashSet<_> = living.into_iter().collect();
        let places = id_hashes.iter().enumerate();
        Ok(places
            .filter(|(_, id_hash)| !living.contains(*id_hash))
            .map(|(place, _)| place)
            .collect())
    }
}

/// Sessions in Postgres.
#[derive(Clone, Debug)]
pub struct SessionStore {
    database: Database,
    lifetime: SessionLifetime,
    cache: SessionCache,
}

impl SessionStore {
    /// Sessions that live as long as `lifetime` says, by the database's clock. What `cache` remembers
    /// is not looked up.
    #[must_use]
    pub fn new(database: Database, lifetime: SessionLifetime, cache: SessionCache) -> Self {
        Self {
            database,
            lifetime,
            cache,
        }
    }

    /// What is to end with the session of this id is to remember this.
    #[must_use]
    pub fn handle(&self, id: Id) -> SessionHandle {
        SessionHandle {
            id_hash: hash_id(id),
            lifetime: self.lifetime,
        }
    }

    /// How long its sessions live.
    #[must_use]
    pub fn lifetime(&self) -> SessionLifetime {
        self.lifetime
    }

    /// Who the session with this id belongs to, as they stood within the last moments; `None` if it has
    /// ended or never was.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn signed_in(
        &self,
        id: Id,
    ) -> std::result::Result<Option<Arc<SignedIn>>, DatabaseError> {
        let look_up = match self.cache.find(id, Instant::now()) {
            Ok(signed_in) => return Ok(Some(signed_in)),
            Err(look_up) => look_up,
        };
        let mut connection = self.database.connect().await?;
        let live = connection
            .sessions()
            .find_live(&hash_id(id), self.lifetime)
            .await?;
        let Some(live) = live else { return Ok(None) };
        let signed_in = Arc::new(SignedIn {
            id: live.user,
            username: live.username,
            display_name: live.display_name,
            role: live.role,
            must_change_password: live.must_change_password,
            auth_epoch: live.auth_epoch,
        });
        self.cache.remember(id, look_up, signed_in.clone());
        Ok(Some(signed_in))
    }
}

#[async_trait::async_trait]
impl tower_sessions::SessionStore for SessionStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let signed_in = record.data.get(SIGNED_IN_KEY).cloned().unwrap_or_default();
        let signed_in: SignedIn = serde_json::from_value(signed_in)
            .map_err(|_| Error::Encode("a session begins with a sign-in only".into()))?;
        let mut connection = self.database.connect().await.map_err(backend)?;
        loop {
            // Never the id that the record brings: after `flush`, tower-sessions 0.15 offers the id of the
            // request's cookie again, which somebody else may know.
            record.id = Id::default();
            let id_hash = hash_id(record.id);
            let fresh = connection
                .sessions()
                .insert(&id_hash, signed_in.id, signed_in.auth_epoch)
                .await;
            if fresh.map_err(backend)? {
                return Ok(());
            }
        }
    }

    /// There is nothing to save: whose a session is never changes.
    async fn save(&self, _record: &Record) -> Result<()> {
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let Some(signed_in) = self.signed_in(*id).await.map_err(backend)? else {
            return Ok(None);
        };
        let signed_in =
            serde_json::to_value(&*signed_in).map_err(|error| Error::Encode(error.to_string()))?;
        // tower-sessions compares this with the process's clock; the database has compared already.
        let expiry_date = OffsetDateTime::now_utc() + self.lifetime.absolute;
        Ok(Some(Record {
            id: *id,
            data: HashMap::from([(SIGNED_IN_KEY.to_owned(), signed_in)]),
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let mut connection = self.database.connect().await.map_err(backend)?;
        // Also when the request is given up meanwhile.
        let _forgotten = Forget(&self.cache);
        let deleted = connection.sessions().delete(&hash_id(*id)).await;
        deleted.map_err(backend)
    }
}

/// Forgets who is signed in when it is dropped.
struct Forget<'c>(&'c SessionCache);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.forget();
    }
}

fn hash_id(id: Id) -> [u8; 32] {
    Sha256::digest(id.0.to_be_bytes()).into()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
fn backend(error: DatabaseError) -> Error {
    Error::Backend(error.to_string())
}

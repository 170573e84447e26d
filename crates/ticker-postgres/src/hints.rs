//! Hints: that something has changed, told to every process without a word about what.
//!
//! A NOTIFY inside a transaction takes a lock that the whole database shares until its commit. So whoever
//! commits only asks for a hint; one is sent a moment later as a statement of its own, for everybody
//! who asked meanwhile. A hint can be lost: whoever listens must not depend on it, only be quicker with
//! it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{Database, DatabaseError};

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Somebody's session ended, or what somebody may do or is called changed.
    Sessions,
    /// Something that screens show was committed: postings, details of items.
    Stock,
}

impl Hint {
    /// Every hint.
    pub const ALL: [Self; 2] = [Self::Sessions, Self::Stock];

    fn channel(self) -> &'static str {
        match self {
            Self::Sessions => "ticker_sessions",
            Self::Stock => "ticker_stock",
        }
    }
}

/// From one hint of a kind to the next, at least: 20 a second from each process.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks for hints. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    sessions: Arc<Asked>,
    stock: Arc<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    pending: AtomicBool,
    woken: Notify,
}

impl Hints {
    /// Asks for a hint, which goes out within a moment; does not wait.
    pub fn send(&self, hint: Hint) {
        let asked = self.asked(hint);
        if !asked.pending.swap(true, Ordering::AcqRel) {
            asked.woken.notify_one();
        }
    }

    /// Sends one kind of hint when it is asked for, until `stop`, and what is pending then.
    pub async fn deliver(self, hint: Hint, database: Database, stop: CancellationToken) {
        let asked = self.asked(hint);
        loop {
            let woken = stop.run_until_cancelled(asked.woken.notified()).await;
            if asked.pending.swap(false, Ordering::AcqRel)
                && let Err(error) = notify(&database, hint).await
            {
                tracing::warn!(%error, ?hint, "a hint was not sent");
            }
            if woken.is_none() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn asked(&self, hint: Hint) -> &Asked {
        match hint {
            Hint::Sessions => &self.sessions,
            Hint::Stock => &self.stock,
        }
    }
}

async fn notify(database: &Database, hint: Hint) -> Result<(), DatabaseError> {
    let mut connection = database.pool().acquire().await?;
    sqlx::query!("select pg_notify($1, '')", hint.channel())
        .execute(&mut *connection)
        .await?;
    Ok(())
}

/// Hears the hints of every process, this one's too.
#[derive(Debug)]
pub struct Listener {
    inner: PgListener,
}

impl Listener {
    /// Listens on a connection of its own, which it keeps.
    ///
    /// # Errors
    /// [`DatabaseError`] if there is no connection to be had.
    pub async fn connect(database: &Database) -> Result<Self, DatabaseError> {
        let mut inner = PgListener::connect_with(database.pool()).await?;
        inner.listen_all(Hint::ALL.map(Hint::channel)).await?;
        Ok(Self { inner })
    }

    /// Waits for the next hint; `None` says that the connection was lost and is there again, and that
    /// hints may have been missed meanwhile.
    ///
    /// # Errors
    /// [`DatabaseError`] if the connection is lost for good.
    pub async fn hear(&mut self) -> Result<Option<Hint>, DatabaseError> {
        let heard = self.inner.try_recv().await?;
        Ok(heard.and_then(|notification| {
            Hint::ALL
                .into_iter()
                .find(|hint| hint.channel() == notification.channel())
        }))
    }
}

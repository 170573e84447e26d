//! Nobody follows for longer than their session lives.
//!
//! A hint says at once that some session or user changed. Nothing depends on it: the sessions of all streams
//! are looked up now and then in any case, all with one question, which does not keep them alive.

use std::time::Duration;

use ticker_auth::SessionHandle;
use ticker_postgres::{Database, DatabaseError};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::hub::Hub;

/// Without a hint, a stream outlives its session by this at most, and by what a look-up takes.
const LOOK_UP_EVERY: Duration = Duration::from_millis(1_500);
/// From one look-up to the next, at least, however many sessions end.
const PAUSE: Duration = Duration::from_millis(200);
/// A look-up that is not through after this is given up: the network may be gone without a word.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(6);

impl Hub {
    /// Ends streams whose sessions have ended, until the hub is told to stop. `forgotten` tells when it is
    /// time to look.
    pub(crate) async fn guard(self, database: Database, mut forgotten: watch::Receiver<()>) {
        let stop = self.stopping();
        let guarding = async {
            loop {
                self.until_followed().await;
                // However it ends, it is time to look.
                let _ = timeout(LOOK_UP_EVERY, forgotten.changed()).await;
                let looked_up = timeout(LOOK_UP_WITHIN, self.end_with_sessions(&database)).await;
                if let Err(error) = looked_up.unwrap_or(Err(DatabaseError::NoAnswer)) {
                    // Whoever watches the database says that it is away; until it is back nothing is told.
                    tracing::debug!(%error, "nobody can say which sessions have ended");
                }
                sleep(PAUSE).await;
            }
        };
        stop.run_until_cancelled(guarding).await;
    }

    async fn end_with_sessions(&self, database: &Database) -> Result<(), DatabaseError> {
        let (streams, sessions): (Vec<_>, Vec<_>) = self.sessions().into_iter().unzip();
        let ended = SessionHandle::ended(&sessions, database).await?;
        if !ended.is_empty() {
            self.end_sessions_of(ended.into_iter().map(|place| streams[place]));
        }
        Ok(())
    }
}

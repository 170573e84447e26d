//! Following the ledger live: what moves, told to every open stream of this process.
//!
//! Each process has one hub. While somebody follows, it reads the ledger forward when a hint says that
//! something moved, and once a second when none comes; with nobody there it rests. What it reads is a
//! [`Batch`], which is put into words once and then shared by all streams. The latest batches are kept,
//! within a bound, so that a stream that was interrupted goes on where it stopped. Whoever falls further
//! behind than that is told to look again at everything: there is never a silent gap, and nobody's
//! slowness costs more than the place in the list.

mod batches;
mod guard;
mod hub;
mod stream;

use std::time::Duration;

use ticker_auth::{Grant, SessionHandle};
use ticker_domain::permission::StockView;
use ticker_postgres::Access as _;
use ticker_postgres::hints::{Hint, Hints};
use ticker_postgres::live::LiveNews;

pub use bytes::Bytes;
pub use ticker_postgres::live::{BadPosition, ItemMoved, LevelMoved, Position};

pub use self::batches::Batch;
pub(crate) use self::hub::Hub;
pub use self::stream::{LiveStream, Over, Told};

use crate::App;
use crate::error::Failure;
use crate::metrics;

/// The most streams at once that a process takes on, if nobody says otherwise: they fit into the memory of a
/// small machine with room to spare.
pub const STREAMS_MAX_DEFAULT: usize = 2_000;
/// When it is worth trying again after all streams were taken.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Tells everybody who follows, here and in other processes, that something changed.
#[derive(Clone, Debug)]
pub(crate) struct Herald {
    pub(crate) hub: Hub,
    pub(crate) hints: Hints,
}

impl Herald {
    /// To be called after the commit of whatever screens show.
    pub(crate) fn tell(&self) {
        self.hub.wake();
        self.hints.send(Hint::Stock);
    }
}

impl App {
    /// Where the ledger ends, or ended a moment ago: asked before a page is read, it is where a stream for
    /// that page has to begin.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    pub async fn live_position(&self, _by: &Grant<StockView>) -> Result<Position, Failure> {
        if let Some(position) = self.herald.hub.position() {
            return Ok(position);
        }
        let mut connection = self.database.connect().await?;
        let position = connection.live().position().await?;
        self.herald.hub.learn_position(position.clone());
        Ok(position)
    }

    /// Begins to tell what moves from `after` on, for as long as the session lives. Without `after`, or if
    /// that is too long ago, the first thing told is that everything must be looked at again.
    ///
    /// # Errors
    /// [`Failure::Busy`] if this process has as many streams as it takes on.
    pub fn open_stream(
        &self,
        by: &Grant<StockView>,
        session: SessionHandle,
        after: Option<Position>,
    ) -> Result<LiveStream, Failure> {
        let opened = self.herald.hub.open(by.user().id, session, after);
        metrics::count_stream_opened(opened.is_some());
        opened.ok_or(Failure::Busy {
            retry_after: RETRY_AFTER,
        })
    }

    /// From now on no more streams than this are open at once.
    pub fn limit_streams(&self, streams: usize) {
        self.herald.hub.set_streams_max(streams);
    }

    /// Tells whoever follows to look, if something was changed that screens show.
    pub(crate) fn telling<T, E>(&self, changed: Result<T, E>) -> Result<T, E> {
        if changed.is_ok() {
            self.herald.tell();
        }
        changed
    }

    /// Ends every stream, now and from now on: whoever follows is to go on at another replica.
    pub fn end_streams(&self) {
        self.herald.hub.stop();
    }
}

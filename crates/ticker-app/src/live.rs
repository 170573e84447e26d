//! Following the ledger live: what moves, told to every open stream of this process.
//!
//! Each process has one hub. While somebody follows, it reads the ledger forward when a hint says that
//! something moved, and once a second when none comes; with nobody there it rests. What it reads is a
//! [`Batch`], which is put into words once and then shared by all streams. The latest batches are kept,
//! within a bound, so that a stream that was interrupted goes on where it stopped. Whoever falls further
//! behind than that is told to look again at everything: there is never a silent gap, and nobody's
//! slowness costs more than the place in the list.

mod batches;
mod hub;
mod stream;

use ticker_auth::Grant;
use ticker_domain::permission::StockView;
use ticker_postgres::Access as _;
use ticker_postgres::live::LiveNews;

pub use bytes::Bytes;
pub use ticker_postgres::live::{BadPosition, ItemMoved, LevelMoved, Position};

pub use self::batches::Batch;
pub(crate) use self::hub::Hub;
pub use self::stream::{LiveStream, Told};

use crate::App;
use crate::error::Failure;

impl App {
    /// Where the ledger ends, or ended a moment ago: asked before a page is read, it is where a stream for
    /// that page has to begin.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    pub async fn live_position(&self, _by: &Grant<StockView>) -> Result<Position, Failure> {
        if let Some(position) = self.hub.position() {
            return Ok(position);
        }
        let mut connection = self.database.connect().await?;
        let position = connection.live().position().await?;
        self.hub.learn_position(position.clone());
        Ok(position)
    }

    /// Begins to tell what moves from `after` on. Without it, or if that is too long ago, the first thing
    /// told is that everything must be looked at again.
    #[must_use]
    pub fn open_stream(&self, _by: &Grant<StockView>, after: Option<Position>) -> LiveStream {
        self.hub.open(after)
    }

    /// Ends every stream, now and from now on: whoever follows is to go on at another replica.
    pub fn end_streams(&self) {
        self.hub.stop();
    }
}

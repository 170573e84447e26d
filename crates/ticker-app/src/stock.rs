//! Stock: the list of what is on hand, and changing it.

use ticker_auth::{Grant, GrantError};
use ticker_domain::category::Category;
use ticker_domain::id::{ItemId, LocationId, PostingId};
use ticker_domain::ledger::{
    Answer, IdempotencyKey, Line, Movement, Note, NothingToUndo, Outcome, Posting, Reason, Refusal,
    Source, Transfer,
};
use ticker_domain::location::Location;
use ticker_domain::page::Page;
use ticker_domain::permission::{StockAdjust, StockUndoAny, StockView};
use ticker_domain::stock_list::{StockFilter, StockQuery};
use ticker_postgres::Access as _;

pub use ticker_postgres::movements::{PostingRow, UndoneBy};
use ticker_postgres::stock::StockListing;
pub use ticker_postgres::stock::{StockCounts, StockRow};

use crate::App;
use crate::error::{ErrorKind, Failure};

mod export;

pub use self::export::StockExport;

/// A page of the stock list with what its filters offer.
#[derive(Clone, Debug)]
pub struct StockList {
    /// The rows.
    pub page: Page<StockRow>,
    /// How many items the filter leaves, by status.
    pub counts: StockCounts,
    /// What was looked for instead of the search, which nothing matches: a word was misspelt.
    pub corrected: Option<String>,
    /// The categories to filter by, by name.
    pub categories: Vec<Category>,
    /// The locations to filter by, by name.
    pub locations: Vec<Location>,
    /// Whether there is any item at all, archived or not.
    pub any_items: bool,
}

/// A change of one level that somebody asks for.
#[derive(Clone, Debug)]
pub struct AdjustStock {
    /// The client's name for it: the same key twice is the same change.
    pub key: IdempotencyKey,
    /// What changes, and by how much.
    pub line: Line,
    /// Why.
    pub reason: Reason,
    /// What was written beside it.
    pub note: Option<Note>,
    /// Through which door it came.
    pub source: Source,
}

/// Goods that go from one location to another.
#[derive(Clone, Debug)]
pub struct TransferStock {
    /// The client's name for it: the same key twice is the same transfer.
    pub key: IdempotencyKey,
    /// What goes where.
    pub transfer: Transfer,
    /// What was written beside it.
    pub note: Option<Note>,
    /// Through which door it came.
    pub source: Source,
}

/// A posting that is to be taken back.
#[derive(Clone, Copy, Debug)]
pub struct UndoPosting {
    /// The client's name for taking it back: the same key twice is the same.
    pub key: IdempotencyKey,
    /// The posting.
    pub posting: PostingId,
    /// Through which door it came.
    pub source: Source,
}

/// A change of one level that happened, now or when it was first asked for.
#[derive(Clone, Copy, Debug)]
pub struct Adjusted {
    /// The posting's number in the ledger.
    pub posting: PostingId,
    /// What moved.
    pub movement: Movement,
    /// Whether the same key had been posted before, and nothing happened now.
    pub replayed: bool,
}

/// A posting that happened, now or when it was first asked for.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its number in the ledger.
    pub posting: PostingId,
    /// What moved, in the order of its lines; at least one thing.
    pub movements: Vec<Movement>,
    /// Whether the same key had been posted before, and nothing happened now.
    pub replayed: bool,
}

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum AdjustStockError {
    /// The ledger refuses it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key was used for another change.
    #[error("the idempotency key was used for another change")]
    KeyReused,
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why a posting was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum UndoPostingError {
    /// There is no such posting.
    #[error("there is no such posting")]
    NotFound,
    /// Somebody else posted it, and the caller may only take back their own.
    #[error("somebody else posted it: {0}")]
    NotTheirs(GrantError),
    /// It changed so many items, more than the one that it would be taken back from.
    #[error("that changed {0} items at once and cannot be undone from one item")]
    SeveralItems(usize),
    /// It changed nothing.
    #[error(transparent)]
    Nothing(#[from] NothingToUndo),
    /// The ledger refuses it, or it could not be posted.
    #[error(transparent)]
    Post(#[from] AdjustStockError),
}

impl From<Failure> for UndoPostingError {
    fn from(failure: Failure) -> Self {
        Self::Post(failure.into())
    }
}

impl AdjustStockError {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(Refusal::UnknownItem { .. }) => ErrorKind::NotFound,
            Self::Refused(Refusal::UnknownLocation { .. }) | Self::KeyReused => ErrorKind::Invalid,
            Self::Refused(_) => ErrorKind::Conflict,
            Self::Failure(failure) => failure.kind(),
        }
    }
}

impl App {
    /// A page of the stock list.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.stock.list", skip_all)]
    pub async fn list_stock(
        &self,
        _by: &Grant<StockView>,
        query: &StockQuery,
    ) -> Result<StockList, Failure> {
        let mut connection = self.database.connect().await?;
        let StockListing {
            page,
            counts,
            corrected,
        } = connection.stock().list(query).await?;
        let any_items = !page.rows.is_empty() || connection.items().any().await?;
        Ok(StockList {
            page,
            counts,
            corrected,
            categories: connection.categories().list().await?,
            locations: connection.locations().list().await?,
            any_items,
        })
    }

    /// How many items a filter of the stock list leaves, by status.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.stock.count", skip_all)]
    pub async fn count_stock(
        &self,
        _by: &Grant<StockView>,
        filter: &StockFilter,
    ) -> Result<StockCounts, Failure> {
        let mut connection = self.database.connect().await?;
        Ok(connection.stock().counts(filter).await?)
    }

    /// One row of the stock list, as it stands under the location filtered for; `None` if there is no
    /// such item or location.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.stock.row", skip_all, fields(%item))]
    pub async fn stock_row(
        &self,
        _by: &Grant<StockView>,
        item: ItemId,
        location: Option<LocationId>,
    ) -> Result<Option<StockRow>, Failure> {
        Ok(self
            .database
            .connect()
            .await?
            .stock()
            .row(item, location)
            .await?)
    }

    /// Rows of the stock list by the ids of their items, by those; of items that there are not, none.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.stock.rows", skip_all)]
    pub async fn stock_rows(
        &self,
        _by: &Grant<StockView>,
        items: &[ItemId],
    ) -> Result<Vec<StockRow>, Failure> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.database.connect().await?;
        Ok(connection.stock().rows(items, None).await?)
    }

    /// Changes one level, and answers once the change is in the ledger.
    ///
    /// # Errors
    /// [`AdjustStockError`] if it did not happen. After a [`Failure`] it may have: sending the same key
    /// again tells, and does not change anything twice.
    #[tracing::instrument(
        name = "app.stock.adjust", skip_all,
        fields(user = %by.user().id, item = %adjust.line.level().item, key = %adjust.key)
    )]
    pub async fn adjust_stock(
        &self,
        by: &Grant<StockAdjust>,
        adjust: AdjustStock,
    ) -> Result<Adjusted, AdjustStockError> {
        let AdjustStock {
            key,
            line,
            reason,
            note,
            source,
        } = adjust;
        let posting = Posting::new(key, by.actor(), reason, note, source, vec![line])
            .map_err(|_| Failure::Defect("one line is a posting"))?;
        let posted = self.post(posting).await?;
        match posted.movements[..] {
            [movement] => Ok(Adjusted {
                posting: posted.posting,
                movement,
                replayed: posted.replayed,
            }),
            _ => Err(Failure::Defect("one line is one movement").into()),
        }
    }

    /// Moves goods from one location to another, and answers once that is in the ledger.
    ///
    /// # Errors
    /// As [`App::adjust_stock`].
    #[tracing::instrument(
        name = "app.stock.transfer", skip_all,
        fields(user = %by.user().id, item = %transfer.transfer.item(), key = %transfer.key)
    )]
    pub async fn transfer_stock(
        &self,
        by: &Grant<StockAdjust>,
        transfer: TransferStock,
    ) -> Result<Posted, AdjustStockError> {
        let TransferStock {
            key,
            transfer,
            note,
            source,
        } = transfer;
        let posting = Posting::transfer(key, by.actor(), note, source, &transfer)
            .map_err(|_| Failure::Defect("a transfer is two lines"))?;
        self.post(posting).await
    }

    /// A posting with what became of it; `None` if there is no such.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.stock.posting", skip(self, _by))]
    pub async fn posting(
        &self,
        _by: &Grant<StockView>,
        id: PostingId,
    ) -> Result<Option<PostingRow>, Failure> {
        let mut connection = self.database.connect().await?;
        Ok(connection.movements().posting(id).await?)
    }

    /// Takes a posting about one item back with one of the opposite lines, and answers once that is in the
    /// ledger. What took something back can itself be taken back.
    ///
    /// # Errors
    /// [`UndoPostingError`] if it did not happen; after a failure as [`App::adjust_stock`].
    #[tracing::instrument(
        name = "app.stock.undo", skip_all,
        fields(user = %by.user().id, posting = %undo.posting, key = %undo.key)
    )]
    pub async fn undo_posting(
        &self,
        by: &Grant<StockAdjust>,
        undo: UndoPosting,
    ) -> Result<Posted, UndoPostingError> {
        let UndoPosting {
            key,
            posting,
            source,
        } = undo;
        // What a posting changed, and who posted it, never changes: this need not be read where it is
        // decided. Whether it was taken back already is.
        let row = {
            let mut connection = self.database.connect().await.map_err(Failure::from)?;
            let found = connection.movements().posting(posting).await;
            found.map_err(Failure::from)?
        };
        let row = row.ok_or(UndoPostingError::NotFound)?;
        if row.actor != by.user().id {
            by.user()
                .grant::<StockUndoAny>()
                .map_err(UndoPostingError::NotTheirs)?;
        }
        match row.posted.items() {
            0 | 1 => {}
            items => return Err(UndoPostingError::SeveralItems(items)),
        }
        let undo = Posting::undo(key, by.actor(), source, &row.posted)?;
        Ok(self.post(undo).await?)
    }

    async fn post(&self, posting: Posting) -> Result<Posted, AdjustStockError> {
        let receipt = self.poster.post(posting).await?;
        let (answer, replayed) = match receipt.outcome {
            Outcome::Answered(answer) => (answer, false),
            Outcome::Replayed(answer) => (answer, true),
            Outcome::KeyReused => return Err(AdjustStockError::KeyReused),
            Outcome::RightsChanged => return Err(Failure::RightsChanged.into()),
        };
        match (answer, receipt.posting) {
            (Answer::Refused(refusal), _) => Err(refusal.into()),
            (Answer::Posted(movements), Some(posting)) if !movements.is_empty() => Ok(Posted {
                posting,
                movements,
                replayed,
            }),
            (Answer::Posted(_), _) => Err(Failure::Defect("what was posted has a number").into()),
        }
    }
}

//! Stock: the list of what is on hand, and changing it.

use ticker_auth::Grant;
use ticker_domain::category::Category;
use ticker_domain::id::{ItemId, LocationId, PostingId};
use ticker_domain::ledger::{
    Answer, IdempotencyKey, Line, Movement, Note, Outcome, Posting, Reason, Refusal, Source,
};
use ticker_domain::location::Location;
use ticker_domain::page::Page;
use ticker_domain::permission::{StockAdjust, StockView};
use ticker_domain::stock_list::StockQuery;
use ticker_postgres::Access as _;

pub use ticker_postgres::stock::{StockCounts, StockRow};

use crate::App;
use crate::error::{ErrorKind, Failure};

/// A page of the stock list with what its filters offer.
#[derive(Clone, Debug)]
pub struct StockList {
    /// The rows.
    pub page: Page<StockRow>,
    /// How many items the filter leaves, by status.
    pub counts: StockCounts,
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

/// A change that happened, now or when it was first asked for.
#[derive(Clone, Copy, Debug)]
pub struct Adjusted {
    /// The posting's number in the ledger.
    pub posting: PostingId,
    /// What moved.
    pub movement: Movement,
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
        let page = connection.stock().page(query).await?;
        let any_items = !page.rows.is_empty() || connection.items().any().await?;
        Ok(StockList {
            page,
            counts: connection.stock().counts(&query.filter).await?,
            categories: connection.categories().list().await?,
            locations: connection.locations().list().await?,
            any_items,
        })
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
        let receipt = self.poster.post(posting).await?;
        let (answer, replayed) = match receipt.outcome {
            Outcome::Answered(answer) => (answer, false),
            Outcome::Replayed(answer) => (answer, true),
            Outcome::KeyReused => return Err(AdjustStockError::KeyReused),
            Outcome::RightsChanged => return Err(Failure::RightsChanged.into()),
        };
        match (answer, receipt.posting) {
            (Answer::Refused(refusal), _) => Err(refusal.into()),
            (Answer::Posted(movements), Some(posting)) if movements.len() == 1 => Ok(Adjusted {
                posting,
                movement: movements[0],
                replayed,
            }),
            (Answer::Posted(_), _) => Err(Failure::Defect("one line is one movement").into()),
        }
    }
}

//! Scanning: finding the item that carries a code, and counting it in or out.

use ticker_auth::Grant;
use ticker_domain::id::{ItemId, LocationId, PostingId};
use ticker_domain::ledger::{IdempotencyKey, LevelId, Line, LineError, Reason, Source};
use ticker_domain::permission::{StockAdjust, StockView};
use ticker_domain::scan::{Carrier, Code};
use ticker_postgres::items::Item;
use ticker_postgres::{Access as _, Connection, DatabaseError};

pub use ticker_postgres::scans::ScanRow;

use crate::App;
use crate::error::{ErrorKind, Failure};
use crate::stock::{AdjustStock, AdjustStockError, Adjusted};

/// A change of what carries a code.
#[derive(Clone, Debug)]
pub struct ScanStock {
    /// The client's name for it: the same key twice is the same change.
    pub key: IdempotencyKey,
    /// What was scanned.
    pub code: Code,
    /// Which of the items that carry the code was chosen, after it had to be.
    pub chosen: Option<ItemId>,
    /// Where; at the item's home location if nowhere else.
    pub location: Option<LocationId>,
    /// By how much, in the item's unit.
    pub delta: i64,
}

/// A scan that changed something, now or when it was first sent.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// What carries the code.
    pub item: Item,
    /// What became of it.
    pub adjusted: Adjusted,
}

/// Why a scan changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ScanStockError {
    /// Nothing carries the code.
    #[error("no item carries this code")]
    UnknownCode,
    /// Several items do.
    #[error("{} items carry this code", .0.len())]
    Ambiguous(Vec<Item>),
    /// No line changes so much.
    #[error("the quantity {0}")]
    Quantity(#[from] LineError),
    /// The change of this item at this location did not happen.
    #[error("{error}")]
    NotAdjusted {
        /// What carries the code.
        item: Box<Item>,
        /// Where it was to change.
        location: LocationId,
        /// Why it did not.
        error: AdjustStockError,
    },
    /// Something else failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl ScanStockError {
    /// What a caller answers.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownCode => ErrorKind::NotFound,
            Self::Ambiguous(_) => ErrorKind::Conflict,
            Self::Quantity(_) => ErrorKind::Invalid,
            Self::NotAdjusted { error, .. } => error.kind(),
            Self::Failure(failure) => failure.kind(),
        }
    }
}

impl From<DatabaseError> for ScanStockError {
    fn from(error: DatabaseError) -> Self {
        Self::Failure(error.into())
    }
}

impl App {
    /// What carries a code as its barcode or its SKU.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.scan.find", skip_all)]
    pub async fn find_scanned(
        &self,
        _by: &Grant<StockView>,
        code: &Code,
    ) -> Result<Carrier<Item>, Failure> {
        let mut connection = self.database.connect().await?;
        let found = read_carriers(&mut connection, code).await?;
        Ok(Carrier::among(found, |item| item.archived_at.is_some()))
    }

    /// Changes the level of what carries a code, and answers once the change is in the ledger.
    ///
    /// # Errors
    /// [`ScanStockError`] if it did not happen. After a [`Failure`] it may have: sending the same key
    /// again tells, and does not change anything twice.
    #[tracing::instrument(
        name = "app.scan.stock", skip_all,
        fields(user = %by.user().id, key = %scan.key)
    )]
    pub async fn scan_stock(
        &self,
        by: &Grant<StockAdjust>,
        scan: ScanStock,
    ) -> Result<Scanned, ScanStockError> {
        let item = {
            let mut connection = self.database.connect().await?;
            let mut found = read_carriers(&mut connection, &scan.code).await?;
            if let Some(chosen) = scan.chosen {
                found.retain(|item| item.id == chosen);
            }
            match Carrier::among(found, |item| item.archived_at.is_some()) {
                Carrier::Nobody => return Err(ScanStockError::UnknownCode),
                Carrier::Several(items) => return Err(ScanStockError::Ambiguous(items)),
                Carrier::One(item) => item,
            }
        };
        let level = LevelId {
            item: item.id,
            location: scan.location.unwrap_or(item.home_location),
        };
        let adjust = AdjustStock {
            key: scan.key,
            line: Line::change(level, scan.delta)?,
            reason: Reason::Adjusted,
            note: None,
            source: Source::Page,
        };
        match self.adjust_stock(by, adjust).await {
            Ok(adjusted) => Ok(Scanned { item, adjusted }),
            Err(AdjustStockError::Failure(failure)) => Err(failure.into()),
            Err(error) => Err(ScanStockError::NotAdjusted {
                item: Box::new(item),
                location: level.location,
                error,
            }),
        }
    }

    /// The caller's own among these postings as the ledger has them, in the order asked for.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.scan.list", skip_all)]
    pub async fn list_scans(
        &self,
        by: &Grant<StockAdjust>,
        postings: &[PostingId],
    ) -> Result<Vec<ScanRow>, Failure> {
        if postings.is_empty() {
            return Ok(Vec::new());
        }
        let mut connection = self.database.connect().await?;
        Ok(connection.scans().list(by.user().id, postings).await?)
    }

    /// What the caller posted under a key, while it is remembered.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.scan.posted", skip_all, fields(%key))]
    pub async fn posting_under_key(
        &self,
        by: &Grant<StockAdjust>,
        key: IdempotencyKey,
    ) -> Result<Option<PostingId>, Failure> {
        let mut connection = self.database.connect().await?;
        let mut scans = connection.scans();
        Ok(scans.posting_under_key(by.user().id, key).await?)
    }
}

/// Every item that carries the code; if none does, those that carry it as other scanners write it.
async fn read_carriers(
    connection: &mut Connection,
    code: &Code,
) -> Result<Vec<Item>, DatabaseError> {
    let mut ids = connection.scans().find_items(&code.key()).await?;
    if ids.is_empty()
        && let Some(twin) = code.twin_key()
    {
        ids.extend(connection.items().find_by_barcode(&twin).await?);
    }
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.extend(connection.items().find(id).await?);
    }
    Ok(items)
}

//! The history of everything, for taking out.

use ticker_auth::Grant;
use ticker_domain::id::MovementId;
use ticker_domain::permission::StockView;
use ticker_postgres::movements::ExportExtent;
use ticker_postgres::{Access as _, Database};

pub use ticker_postgres::movements::{ExportFilter, ExportRow};

use crate::App;
use crate::error::Failure;

/// How many movements are read at once: some 150 KB of text, some 10 ms of a connection.
const CHUNK_MOVEMENTS: u16 = 1_000;

/// The movements that were committed when it was begun, however long the reading takes. Between two chunks
/// it holds no connection.
#[derive(Debug)]
pub struct HistoryExport {
    database: Database,
    extent: ExportExtent,
    filter: ExportFilter,
    after: MovementId,
}

impl App {
    /// Begins to export movements, oldest first; `None` if the item that they should be of does not exist.
    /// What the caller may do is looked at now and not again until the export ends.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    #[tracing::instrument(name = "app.history.export", skip_all)]
    pub async fn export_history(
        &self,
        _by: &Grant<StockView>,
        filter: ExportFilter,
    ) -> Result<Option<HistoryExport>, Failure> {
        let mut connection = self.database.connect().await?;
        if let Some(item) = filter.item
            && connection.items().find(item).await?.is_none()
        {
            return Ok(None);
        }
        Ok(Some(HistoryExport {
            extent: connection.movements().begin_export().await?,
            database: self.database.clone(),
            filter,
            after: MovementId(0),
        }))
    }
}

impl HistoryExport {
    /// The next movements, at least one; `None` when there are no more.
    ///
    /// # Errors
    /// [`Failure`] if the database fails. The same movements can be asked for again.
    pub async fn next(&mut self) -> Result<Option<Vec<ExportRow>>, Failure> {
        loop {
            let mut connection = self.database.connect().await?;
            let mut movements = connection.movements();
            let chunk = movements
                .export(&self.extent, &self.filter, self.after, CHUNK_MOVEMENTS)
                .await?;
            let Some(last) = chunk.last else {
                return Ok(None);
            };
            self.after = last;
            if !chunk.rows.is_empty() {
                return Ok(Some(chunk.rows));
            }
        }
    }
}

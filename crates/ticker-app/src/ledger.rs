//! Posting: the only way in which this program changes a quantity.

use std::sync::Arc;

use ticker_domain::ledger::Posting;
use ticker_postgres::ledger::{PostError, Receipt};
use ticker_postgres::{Access as _, Database};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::app::retrying;
use crate::clock::Clock;
use crate::error::Failure;
use crate::metrics;

/// Posts what it is given, and answers only after the commit.
///
/// Each posting is a transaction of its own for now. Callers see nothing of that: they hand over one
/// posting and wait for its receipt, as they will when many share a commit.
#[derive(Clone)]
pub(crate) struct Poster {
    database: Database,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
}

impl Poster {
    pub(crate) fn new(database: Database, clock: Arc<dyn Clock>, tasks: TaskTracker) -> Self {
        Self {
            database,
            clock,
            tasks,
        }
    }

    /// Posts, and returns the receipt once it is committed. Goes on when the caller goes away.
    ///
    /// # Errors
    /// [`Failure`] if it could not be posted, or if nobody knows whether it was: the same key tells.
    pub(crate) async fn post(&self, posting: Posting) -> Result<Receipt, Failure> {
        let this = self.clone();
        let source = posting.source();
        let work = async move {
            let receipt = match this.post_batch(&[posting]).await {
                Ok(mut receipts) => receipts.pop().ok_or(Failure::Defect("no receipt")),
                Err(error) => Err(Failure::from(error)),
            };
            let outcome = receipt.as_ref().ok().map(|receipt| &receipt.outcome);
            metrics::count_posting(source, outcome);
            receipt
        };
        let posted = self.tasks.spawn(work.in_current_span());
        posted.await.unwrap_or_else(|lost| Err(Failure::from(lost)))
    }

    #[tracing::instrument(name = "app.ledger.commit", skip_all, fields(postings = batch.len()))]
    async fn post_batch(&self, batch: &[Posting]) -> Result<Vec<Receipt>, PostError> {
        retrying!(async {
            let mut tx = self.database.begin().await?;
            let receipts = tx.ledger().post(batch, self.clock.now()).await?;
            tx.commit().await?;
            Ok(receipts)
        })
    }
}

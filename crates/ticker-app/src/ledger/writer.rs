//! The writer: batches into transactions, receipts to those who wait.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ticker_domain::id::ItemId;
use ticker_domain::ledger::{Posting, Source};
use ticker_postgres::ledger::{PostError, Receipt};
use ticker_postgres::{Access as _, Database, DatabaseError, DatabaseErrorKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{BATCH_POSTINGS_MAX, RETRY_AFTER, Waiting};
use crate::app::retrying;
use crate::clock::Clock;
use crate::error::Failure;
use crate::live::Herald;
use crate::metrics;

/// Commits batches, one after the other.
#[derive(Clone)]
pub(super) struct Writer {
    database: Database,
    clock: Arc<dyn Clock>,
    herald: Herald,
    tasks: TaskTracker,
}

/// A batch that is not through after this is given up, and its connection with it: the network may be gone
/// without a word, and with it PostgreSQL's own limits.
const BATCH_WITHIN: Duration = Duration::from_secs(10);
/// How many postings may wait for rows that somebody holds, once they are posted one by one.
const WAITS_MAX: usize = 2;

impl Writer {
    pub(super) fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        herald: Herald,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            database,
            clock,
            herald,
            tasks,
        }
    }

    /// Posts what comes in, until `stop`, and then what still waits; or until nobody can post any more.
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Waiting>, stop: CancellationToken) {
        loop {
            let batch = gather(&mut queue, &stop).await;
            if batch.is_empty() {
                return;
            }
            let this = self.clone();
            // In a task of its own, so that a panic costs this batch its answers and nobody else's.
            let committed = self.tasks.spawn(async move { this.commit(batch).await });
            if let Err(lost) = committed.await {
                tracing::error!(error = %lost, "a batch of postings was lost");
            }
        }
    }

    /// Commits a batch and answers everybody who waits for it.
    async fn commit(&self, batch: Vec<Waiting>) {
        let (mut postings, mut answers) = (Vec::new(), Vec::new());
        for waiting in batch {
            metrics::record_posting_wait(waiting.since.elapsed());
            answers.push(Answer {
                to: waiting.answer,
                source: waiting.posting.source(),
            });
            postings.push(waiting.posting);
        }
        match self.post(&postings).await {
            Ok(receipts) => {
                for (answer, receipt) in answers.into_iter().zip(receipts) {
                    answer.give(Ok(receipt));
                }
            }
            Err(error) if postings.len() > 1 && may_be_of_one(&error) => {
                tracing::warn!(%error, postings = postings.len(), "a batch fails: posting one by one");
                self.commit_one_by_one(postings, answers).await;
            }
            Err(error) => fail(answers, error),
        }
    }

    /// Commits each posting by itself, so that a bad one fails alone. Nobody waits twice for an item that
    /// somebody else holds, nor for a database that is out of reach, and all together not for long.
    async fn commit_one_by_one(&self, postings: Vec<Posting>, answers: Vec<Answer>) {
        let (mut held, mut waits) = (BTreeSet::new(), 0);
        let mut waiting = postings.into_iter().zip(answers);
        while let Some((posting, answer)) = waiting.next() {
            if waits == WAITS_MAX || items(&posting).any(|item| held.contains(&item)) {
                let retry_after = RETRY_AFTER;
                answer.give(Err(Failure::Busy { retry_after }));
                continue;
            }
            match self.post(std::slice::from_ref(&posting)).await {
                Ok(receipts) => {
                    let receipt = receipts.into_iter().next();
                    answer.give(receipt.ok_or(Failure::Defect("no receipt")));
                }
                Err(error) => {
                    match kind_of(&error) {
                        Some(DatabaseErrorKind::Locked) => {
                            held.extend(items(&posting));
                            waits += 1;
                        }
                        Some(DatabaseErrorKind::Unavailable) => {
                            let rest = waiting.map(|(_, answer)| answer);
                            return fail(std::iter::once(answer).chain(rest), error);
                        }
                        _ => {}
                    }
                    answer.give(Err(error.into()));
                }
            }
        }
    }

    /// One transaction: all of the postings, or none. Run again when it lost against another one.
    #[tracing::instrument(name = "app.ledger.commit", skip_all, fields(postings = postings.len()))]
    async fn post(&self, postings: &[Posting]) -> Result<Vec<Receipt>, PostError> {
        let timed = metrics::BatchTimer::start(postings.len());
        let receipts = retrying!(async {
            let attempt = timeout(BATCH_WITHIN, self.attempt(postings)).await;
            attempt.unwrap_or(Err(PostError::Database(DatabaseError::NoAnswer)))
        });
        timed.stop(receipts.is_ok());
        if receipts.is_ok() {
            self.herald.tell();
        }
        receipts
    }

    async fn attempt(&self, postings: &[Posting]) -> Result<Vec<Receipt>, PostError> {
        let mut tx = self.database.begin_posting().await?;
        let receipts = tx.ledger().post(postings, self.clock.now()).await?;
        tx.commit().await?;
        Ok(receipts)
    }
}

/// Who is to be told what became of a posting, and through which door it came.
struct Answer {
    to: oneshot::Sender<Result<Receipt, Failure>>,
    source: Source,
}

impl Answer {
    /// Counts it and tells. Whoever does not wait any more has asked all the same.
    fn give(self, receipt: Result<Receipt, Failure>) {
        let outcome = receipt.as_ref().ok().map(|receipt| &receipt.outcome);
        metrics::count_posting(self.source, outcome);
        let _ = self.to.send(receipt);
    }
}

/// Waits for postings and takes all that wait, up to a batch; none once the queue is closed and empty.
async fn gather(queue: &mut mpsc::Receiver<Waiting>, stop: &CancellationToken) -> Vec<Waiting> {
    let mut batch = Vec::with_capacity(BATCH_POSTINGS_MAX);
    tokio::select! {
        _ = queue.recv_many(&mut batch, BATCH_POSTINGS_MAX) => {}
        () = stop.cancelled() => {
            queue.close();
            queue.recv_many(&mut batch, BATCH_POSTINGS_MAX).await;
        }
    }
    batch
}

fn items(posting: &Posting) -> impl Iterator<Item = ItemId> {
    posting.lines().iter().map(|line| line.level().item)
}

/// Whether one posting alone may be why the batch fails, so that the others deserve another try.
fn may_be_of_one(error: &PostError) -> bool {
    kind_of(error) != Some(DatabaseErrorKind::Unavailable)
}

fn kind_of(error: &PostError) -> Option<DatabaseErrorKind> {
    match error {
        PostError::KeyRace => None,
        PostError::Database(error) => Some(error.kind()),
    }
}

/// Tells everybody the same failure.
fn fail(answers: impl IntoIterator<Item = Answer>, error: PostError) {
    let error = Arc::new(error);
    for answer in answers {
        answer.give(Err(Failure::Batch(error.clone())));
    }
}
